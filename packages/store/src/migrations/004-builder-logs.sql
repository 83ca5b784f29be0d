-- Builders: programs that speak the HTTP API, each with a token of its own.
ALTER TABLE credentials DROP CONSTRAINT credentials_kind_check;
ALTER TABLE credentials ADD CONSTRAINT credentials_kind_check
  CHECK (kind IN ('admin', 'session', 'signin', 'join', 'agent', 'builder'));
CREATE UNIQUE INDEX credentials_builder ON credentials (subject) WHERE kind = 'builder' AND revoked_at IS NULL;

-- The batches of log entries that builders posted, so that one which comes again adds nothing.
CREATE TABLE builder_batches (
  job_id uuid NOT NULL,
  attempt integer NOT NULL,
  -- The builder's own name for it, or `sha256:` and the digest.
  batch text NOT NULL,
  -- SHA-256 of the entries.
  digest bytea NOT NULL,
  accepted integer NOT NULL,
  posted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, attempt, batch),
  FOREIGN KEY (job_id, attempt) REFERENCES attempts ON DELETE CASCADE
);
CREATE INDEX builder_batches_age ON builder_batches (posted_at);

-- Whether a builder's log reached the limit of its job, so that nothing more is kept.
ALTER TABLE attempts ADD COLUMN log_cut boolean NOT NULL DEFAULT false;

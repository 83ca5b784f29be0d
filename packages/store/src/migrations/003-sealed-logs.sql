-- Where the log of an attempt is: `live` in frames, `sealed` in one blob, `archived` in a smaller one, `expired` nowhere.
ALTER TABLE attempts ADD COLUMN log_state text NOT NULL DEFAULT 'live'
  CHECK (log_state IN ('live', 'sealed', 'archived', 'expired'));
CREATE INDEX attempts_log_age ON attempts (log_state, finished_at) WHERE finished_at IS NOT NULL AND log_state <> 'expired';

-- The blobs of ended attempts' logs. A row is made by whoever begins to seal one; `key` is set once the blob is checked.
CREATE TABLE sealed_logs (
  job_id uuid NOT NULL,
  attempt integer NOT NULL,
  key text UNIQUE,
  bytes bigint,
  text_bytes bigint,
  lines bigint,
  frames integer,
  -- SHA-256 of the text, in hex: the same before and after archiving.
  sha256 text,
  -- Where in the blob its index is.
  index_offset bigint,
  index_bytes integer,
  sealed_at timestamptz,
  archived_at timestamptz,
  expired_at timestamptz,
  -- While it is sealed, archived or removed: who does it, until when.
  leased_by text,
  lease_expires_at timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  -- How the last try failed, and when the next one is due: null when there is none, since it would fail the same way.
  failures integer NOT NULL DEFAULT 0,
  error text,
  next_try_at timestamptz DEFAULT now(),
  PRIMARY KEY (job_id, attempt),
  FOREIGN KEY (job_id, attempt) REFERENCES attempts ON DELETE CASCADE
);

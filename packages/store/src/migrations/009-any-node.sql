-- What any orchestrator must find, on whichever machine it runs: staged outputs, the keys that sign the repositories,
-- whose recipes count, and how many builds there were.

-- Where the output lies in the place of blobs. NULL: in the staging folder of the machine that took it, as Kiln kept them
-- before this migration.
ALTER TABLE artifacts ADD COLUMN key text;
CREATE UNIQUE INDEX artifacts_key ON artifacts (key) WHERE key IS NOT NULL;

-- Private keys of the repositories by file name, such as `main.pem`: PEM, or an armored OpenPGP key.
CREATE TABLE signing_keys (
  name text PRIMARY KEY,
  private_key text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now()
);

-- The roster in `recipes` as a whole: one row. The version grows with each change, so that all nodes notice it.
CREATE TABLE roster (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  version bigint NOT NULL,
  -- Host and folder that it was loaded from.
  source text NOT NULL,
  saved_by text NOT NULL,
  saved_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO roster (version, source, saved_by) SELECT (SELECT count(*) FROM (SELECT FROM recipes LIMIT 1) AS one), '', '';

-- The milestones that /status counts: tries begun, and runs built and published.
CREATE INDEX timeline_builds ON timeline (at)
  WHERE name = 'run.completed' OR (name = 'job.dispatched' AND detail ? 'startsBuild');

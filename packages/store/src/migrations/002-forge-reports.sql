-- What forges were told about runs for their commits. Whoever changes a run need not know about forges: what is still to be told
-- is the difference between this and `runs`.

-- How far the runs were looked through for those of a forge: all that were created before `enrolled_to` were.
CREATE TABLE forges (
  forge text PRIMARY KEY,
  enrolled_to timestamptz NOT NULL
);

CREATE TABLE forge_reports (
  run_id uuid PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
  forge text NOT NULL,
  -- `owner/name` there.
  repository text NOT NULL,
  -- What it was told last, null before the first time. Given up counts as told.
  state text CHECK (state IN ('queued', 'running', 'success', 'failure', 'cancelled')),
  attempt integer,
  -- The forge's id of what the last attempt's reports go to, where it has one.
  remote_id text,
  told_at timestamptz,
  -- The forge knows how the run ended. A failed one may still be tried again by hand, and is opened then.
  closed boolean NOT NULL DEFAULT false,
  -- Answers in a row by which the forge refused this report; enough of them and it is given up.
  refusals integer NOT NULL DEFAULT 0,
  last_error text,
  -- Not before: the end of a wait, or of the lease of whoever tells it now.
  next_try_at timestamptz NOT NULL DEFAULT now(),
  fence bigint NOT NULL DEFAULT 0
);
CREATE INDEX forge_reports_open ON forge_reports (forge, next_try_at) WHERE NOT closed;
CREATE INDEX forge_reports_failed ON forge_reports (forge) WHERE state = 'failure';

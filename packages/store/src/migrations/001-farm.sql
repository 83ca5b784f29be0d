-- The farm's truth: what was asked (events), what it became (runs, jobs, attempts), what was said (frames, timeline),
-- what was made (artifacts, packages), who may speak (credentials) and who is there (agents).

-- Events: anything that may start work. Unique per source and delivery, so a second delivery changes nothing.
CREATE TABLE events (
  event_id uuid PRIMARY KEY,
  request_id uuid NOT NULL,
  source text NOT NULL,
  delivery_id text NOT NULL,
  name text NOT NULL,
  routing_key text NOT NULL,
  payload jsonb NOT NULL,
  traceparent text,
  received_at timestamptz NOT NULL DEFAULT now(),
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'leased', 'done', 'dead')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  leased_by text,
  lease_expires_at timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  last_error text,
  dlq_at timestamptz,
  dlq_reason text,
  finished_at timestamptz,
  outcome jsonb,
  UNIQUE (source, delivery_id)
);
CREATE INDEX events_due ON events (next_attempt_at) WHERE status = 'pending';
CREATE INDEX events_leased ON events (lease_expires_at) WHERE status = 'leased';
CREATE INDEX events_dead ON events (dlq_at) WHERE status = 'dead';
CREATE INDEX events_request ON events (request_id);

-- The roster as the orchestrator loaded it last, for tiers that do not read the recipes folder.
CREATE TABLE recipes (
  name text PRIMARY KEY,
  position integer NOT NULL,
  compiled jsonb NOT NULL,
  loaded_at timestamptz NOT NULL DEFAULT now()
);

-- One row a watched recipe: when it is looked at next, who asked for it, what the last look saw.
CREATE TABLE watches (
  recipe text PRIMARY KEY,
  upstream text NOT NULL,
  next_poll_at timestamptz,
  requested_at timestamptz,
  request_id uuid,
  traceparent text,
  last_poll_at timestamptz,
  last_poll jsonb,
  leased_by text,
  lease_expires_at timestamptz,
  fence bigint NOT NULL DEFAULT 0
);

-- Every matching tag that was ever seen, with the commit it pointed to then.
CREATE TABLE tags (
  recipe text NOT NULL,
  upstream text NOT NULL,
  tag text NOT NULL,
  version text NOT NULL,
  commit_hash text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  passed_over boolean NOT NULL DEFAULT false,
  moved_to text,
  moved_at timestamptz,
  gone_at timestamptz,
  PRIMARY KEY (recipe, upstream, tag)
);

CREATE TABLE schedules (
  recipe text NOT NULL,
  expression text NOT NULL,
  last_tick_at timestamptz NOT NULL,
  PRIMARY KEY (recipe, expression)
);

CREATE TABLE runs (
  run_id uuid PRIMARY KEY,
  event_id uuid NOT NULL REFERENCES events,
  request_id uuid NOT NULL,
  recipe text NOT NULL,
  version text NOT NULL,
  ref text,
  commit_hash text,
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'building', 'publishing', 'completed', 'failed', 'cancelling', 'cancelled')),
  attempt integer NOT NULL DEFAULT 1,
  priority integer NOT NULL DEFAULT 0,
  concurrency integer,
  trigger text NOT NULL,
  requested_by text NOT NULL,
  -- The recipe as it was when the run was created (its jobs are in `jobs`): a reload never changes a run under way.
  compiled jsonb NOT NULL,
  event_time timestamptz NOT NULL,
  traceparent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  retry_at timestamptz,
  failure jsonb,
  -- While publishing: who does it, until when.
  leased_by text,
  lease_expires_at timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  UNIQUE (event_id, recipe)
);
CREATE INDEX runs_recent ON runs (created_at DESC, run_id);
CREATE INDEX runs_recipe ON runs (recipe, created_at DESC);
CREATE INDEX runs_open ON runs (status) WHERE status IN ('queued', 'building', 'publishing', 'cancelling');
CREATE INDEX runs_retry ON runs (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX runs_finished ON runs (finished_at);
CREATE INDEX runs_request ON runs (request_id);

-- Consecutive failures of a version. A success removes the row.
CREATE TABLE backoff (
  recipe text NOT NULL,
  version text NOT NULL,
  failures integer NOT NULL,
  next_retry timestamptz,
  run_id uuid NOT NULL,
  failed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (recipe, version)
);

CREATE TABLE jobs (
  job_id uuid PRIMARY KEY,
  run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
  position integer NOT NULL,
  name text NOT NULL,
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'started', 'building', 'cancelling', 'completed', 'failed', 'cancelled')),
  paused boolean NOT NULL DEFAULT false,
  spec jsonb NOT NULL,
  labels text[] NOT NULL,
  needs text[] NOT NULL,
  -- Needs that are not completed yet. Claimable at 0.
  unmet integer NOT NULL,
  priority integer NOT NULL,
  queued_at timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  attempt integer NOT NULL DEFAULT 0,
  fence bigint NOT NULL DEFAULT 0,
  agent_id uuid,
  -- Attempts that ended because the agent was lost; they do not count as failures of the build.
  lost integer NOT NULL DEFAULT 0,
  cancel_reason text,
  cancel_requested_at timestamptz,
  UNIQUE (run_id, name)
);
CREATE INDEX jobs_claimable ON jobs (priority DESC, queued_at, position) WHERE status = 'queued' AND unmet = 0;
CREATE INDEX jobs_held ON jobs (agent_id) WHERE status IN ('started', 'building', 'cancelling');

CREATE TABLE attempts (
  job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
  attempt integer NOT NULL,
  fence bigint NOT NULL,
  status text NOT NULL DEFAULT 'started',
  agent_id uuid,
  agent_name text,
  started_at timestamptz NOT NULL DEFAULT now(),
  building_at timestamptz,
  finished_at timestamptz,
  deadline timestamptz,
  failure jsonb,
  percent real NOT NULL DEFAULT 0,
  text text NOT NULL DEFAULT '',
  phases jsonb NOT NULL DEFAULT '[]',
  last_sequence integer NOT NULL DEFAULT 0,
  lines bigint NOT NULL DEFAULT 0,
  log_bytes bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (job_id, attempt)
);

-- Hot log: one row a frame, its bytes as they came. EXTERNAL: the bytes are compressed already.
CREATE TABLE frames (
  job_id uuid NOT NULL,
  attempt integer NOT NULL,
  sequence integer NOT NULL,
  first_line bigint NOT NULL,
  lines integer NOT NULL,
  first_time timestamptz NOT NULL,
  last_time timestamptz NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (job_id, attempt, sequence),
  FOREIGN KEY (job_id, attempt) REFERENCES attempts ON DELETE CASCADE
);
ALTER TABLE frames ALTER COLUMN data SET STORAGE EXTERNAL;

-- Outputs of an attempt, staged until they are published.
CREATE TABLE artifacts (
  job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
  attempt integer NOT NULL,
  path text NOT NULL,
  bytes bigint NOT NULL,
  sha256 text NOT NULL,
  staged_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, attempt, path)
);

CREATE TABLE packages (
  repository text NOT NULL,
  package text NOT NULL,
  version text NOT NULL,
  recipe text NOT NULL,
  run_id uuid NOT NULL,
  published_at timestamptz NOT NULL DEFAULT now(),
  active boolean NOT NULL DEFAULT true,
  files jsonb NOT NULL,
  PRIMARY KEY (repository, package, version)
);
CREATE INDEX packages_recent ON packages (published_at DESC);
CREATE INDEX packages_run ON packages (run_id);

-- The milestones of a request over all tiers: the trace without a log store.
CREATE TABLE timeline (
  timeline_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  request_id uuid NOT NULL,
  run_id uuid,
  job_id uuid,
  service text NOT NULL,
  instance text NOT NULL,
  name text NOT NULL,
  message text NOT NULL,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX timeline_request ON timeline (request_id, at);
CREATE INDEX timeline_run ON timeline (run_id, at);

-- Everything that opens a door: the admin token, sessions, sign-in links, join tokens, agents' own tokens.
-- Kept as SHA-256 of 32 random bytes; who it speaks for is `subject`.
CREATE TABLE credentials (
  credential_id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('admin', 'session', 'signin', 'join', 'agent')),
  hash bytea NOT NULL UNIQUE,
  subject text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  used_at timestamptz,
  revoked_at timestamptz
);

CREATE TABLE agents (
  agent_id uuid PRIMARY KEY,
  name text NOT NULL,
  host text NOT NULL DEFAULT '',
  os text NOT NULL DEFAULT '',
  arch text NOT NULL DEFAULT '',
  version text NOT NULL DEFAULT '',
  labels text[] NOT NULL DEFAULT '{}',
  slots integer NOT NULL DEFAULT 1,
  memory bigint NOT NULL DEFAULT 0,
  enrolled_at timestamptz NOT NULL DEFAULT now(),
  -- The orchestrator that holds its socket, null while it is away.
  instance text,
  connected_at timestamptz,
  last_seen_at timestamptz NOT NULL DEFAULT now()
);

-- Leadership is one row: who, in which term, until when. The term is the fence.
CREATE TABLE leadership (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  holder text NOT NULL,
  term bigint NOT NULL,
  expires_at timestamptz NOT NULL
);

-- The hosts underneath, as their heartbeats tell them: what is now, and what changed in the last 30 days.

CREATE TABLE hosts (
  host text PRIMARY KEY,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  boot_at timestamptz
);

-- A ring of the last readings, one row a tick: a quiet host writes this row and nothing else. The newest one is what is now.
CREATE TABLE host_readings (
  host text NOT NULL REFERENCES hosts ON DELETE CASCADE,
  slot integer NOT NULL,
  -- By the host's clock: as it is, and never in the future.
  taken_at timestamptz NOT NULL,
  at timestamptz NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  -- How far apart this host's readings are.
  tick_seconds real NOT NULL,
  reading jsonb NOT NULL,
  PRIMARY KEY (host, slot)
);
CREATE INDEX host_readings_newest ON host_readings (host, at DESC);

-- One row a unit, written when something about it changed: what the next reading is compared with.
CREATE TABLE host_units (
  host text NOT NULL REFERENCES hosts ON DELETE CASCADE,
  unit text NOT NULL,
  allowlisted boolean NOT NULL,
  masked boolean NOT NULL DEFAULT false,
  state text NOT NULL,
  sub_state text NOT NULL DEFAULT '',
  since timestamptz NOT NULL,
  verdict smallint,
  -- Counters as they were told last.
  restarts bigint,
  starts bigint,
  failed_at timestamptz,
  -- How it failed last.
  exit_kind smallint NOT NULL DEFAULT 0,
  exit_status integer,
  result smallint,
  PRIMARY KEY (host, unit)
);
CREATE INDEX host_units_trouble ON host_units (host) WHERE state IN ('failed', 'missing', 'stale');

CREATE TABLE host_unit_events (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  host text NOT NULL REFERENCES hosts ON DELETE CASCADE,
  unit text NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('seen', 'state', 'restart', 'start', 'failure', 'gone')),
  from_state text,
  to_state text,
  sub_state text NOT NULL DEFAULT '',
  count integer NOT NULL DEFAULT 1,
  exit_kind smallint NOT NULL DEFAULT 0,
  exit_status integer,
  result smallint,
  verdict smallint,
  memory_bytes bigint,
  -- So soon after the host started that it is part of that.
  at_boot boolean NOT NULL DEFAULT false
);
CREATE INDEX host_unit_events_host ON host_unit_events (host, at);
CREATE INDEX host_unit_events_unit ON host_unit_events (host, unit, event_id);
CREATE INDEX host_unit_events_old ON host_unit_events (at);

CREATE TABLE host_events (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  host text NOT NULL REFERENCES hosts ON DELETE CASCADE,
  at timestamptz NOT NULL,
  until timestamptz,
  kind text NOT NULL CHECK (kind IN ('boot', 'silence', 'mass_restart')),
  units text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX host_events_host ON host_events (host, at);

-- `host` may push the metrics of the host that is its subject; `collector` those of any.
ALTER TABLE credentials DROP CONSTRAINT credentials_kind_check;
ALTER TABLE credentials ADD CONSTRAINT credentials_kind_check
  CHECK (kind IN ('admin', 'session', 'signin', 'join', 'agent', 'builder', 'host', 'collector'));

-- Who tells a forge about a run has a lease like everybody else's; until now it lay in `next_try_at`, with no holder's name.
ALTER TABLE forge_reports ADD COLUMN leased_by text, ADD COLUMN lease_expires_at timestamptz;

import type { RunStatus } from '@kiln/protocol/states.ts';

/** What became of a wish to change a run: its status now, or the one that forbids it (null: there is no such run). */
export type StateChange = { ok: true; status: RunStatus } | { ok: false; from: RunStatus } | { ok: false; from: null };

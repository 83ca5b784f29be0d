import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { LeasedEvent } from '@kiln/store/event-leases.ts';
import type { CompiledUpstream } from '../watch/match.ts';

/** A build that an event asks for. Whether it starts is decided with the database at hand. */
export interface Candidate {
  recipe: CompiledRecipe;
  version: string;
  /** The version was made from the clock, so another one is as good when it is taken. */
  fromClock: boolean;
  ref: string | null;
  commit: string | null;
  /** Not wanted when this ref was built at this commit before. */
  oncePerCommit: boolean;
  /** Build although it is in the archive, waits for a retry or is in progress. */
  force: boolean;
  /** tag, push, schedule, manual or after. */
  trigger: string;
  by: string;
}

/** What an event comes to. `reasons` says, in words, why it asks for nothing (more). */
export interface Plan {
  candidates: Candidate[];
  /** Recipes whose upstreams are to be looked at. */
  polls: string[];
  reasons: string[];
}

/** A build whose version, or whose tag, only the upstream knows. */
export interface Question {
  recipe: CompiledRecipe & { upstream: CompiledUpstream };
  version: string | null;
  force: boolean;
  trigger: string;
  by: string;
}

/** An event on its way: read, not yet committed. */
export interface Routed {
  event: LeasedEvent;
  plan: Plan;
  /** Of the span in which it was read; its runs go on from there. */
  traceparent: string | null;
  /** Runs a function inside that span, so that log lines carry its ids. */
  inSpan: <T>(tell: () => T) => T;
}

export function planOf(parts: Partial<Plan>): Plan {
  return { candidates: [], polls: [], reasons: [], ...parts };
}

import type { EventOutcome } from '@kiln/protocol/events.ts';
import type { Refusal } from './judge.ts';

/** A run that an event became. */
export interface StartedRun {
  runId: string;
  recipe: string;
  version: string;
}

/** What an event became. */
export interface Result {
  outcome: EventOutcome;
  runs: StartedRun[];
  /** Recipes whose upstreams will be looked at. */
  polled: string[];
  refused: Refusal[];
}

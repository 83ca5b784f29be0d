import type { AgentSummary, EventDetail, PackageSummary, RecipeDetail, RunDetail } from '@kiln/protocol/api.ts';
import type { FixtureLog } from './log.ts';

/** Everything that a farm knows. */
export interface FarmData {
  recipes: RecipeDetail[];
  runs: RunDetail[];
  packages: PackageSummary[];
  agents: AgentSummary[];
  deadLetters: EventDetail[];
  logs: Map<string, FixtureLog>;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** A time as the API writes it. */
export const iso = (time: number): string => new Date(time).toISOString();

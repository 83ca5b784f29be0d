import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { Cron } from 'croner';

/** One schedule of a recipe. */
export interface Schedule {
  recipe: string;
  /** The cron expression and its time zone: `30 4 * * 1-5 Europe/Berlin`. */
  expression: string;
  cron: Cron;
}

/** The schedules of a recipe. */
export function schedulesOf({ name, triggers }: CompiledRecipe): Schedule[] {
  return triggers.flatMap((trigger) => {
    if (typeof trigger !== 'object' || !('schedule' in trigger)) return [];
    const timezone = trigger.timezone ?? 'UTC';
    const cron = new Cron(trigger.schedule, { mode: '5-part', timezone, paused: true });
    return [{ recipe: name, expression: `${trigger.schedule} ${timezone}`, cron }];
  });
}

/**
 * The latest tick up to `now`, unless it is not after `last`. However many ticks were missed, that is one: a farm that
 * comes back does once what it owes.
 */
export function dueTick(cron: Cron, last: Date, now: Date): Date | null {
  // The reference itself is not among the previous ones.
  const [tick] = cron.previousRuns(1, new Date(now.getTime() + 1));
  return tick && tick > last ? tick : null;
}

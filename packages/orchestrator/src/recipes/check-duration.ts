import { durationMs } from '@kiln/protocol/duration.ts';
import type { Duration } from '@kiln/protocol/recipe.ts';
import { formatPath, type Path } from '@kiln/service/problem.ts';
import type { Issue } from '@kiln/service/schema-check.ts';

/** Timers of Node.js hold 24.8 days; a longer one would ring at once. */
export const LONGEST_TIMER_MS = 24 * 86_400_000;
const YEAR_MS = 365 * 86_400_000;

/** Whether a duration lies between `least` (default 1 ms) and `most` (default the longest timer). */
export function checkLimit(
  value: Duration,
  path: Path,
  limits: { least?: number; most?: number; zero?: string } = {},
): Issue[] {
  const ms = durationMs(value);
  const name = formatPath(path);
  if (ms < (limits.least ?? 1)) {
    const message = `${name} is ${JSON.stringify(value)}, which is too short`;
    const fix = [`write at least ${limits.least === undefined ? '1ms' : `${limits.least / 1000}s`}`, limits.zero];
    return [{ path, onKey: false, message, fix: fix.filter(Boolean).join(', or ') }];
  }
  const most = limits.most ?? LONGEST_TIMER_MS;
  if (ms <= most) return [];
  const message = `${name} is ${JSON.stringify(value)}, which is too long`;
  return [{ path, onKey: false, message, fix: `write at most ${most / 86_400_000}d` }];
}

/** For waits that are kept in the database and not in a timer: at most a year. */
export const WAIT_LIMITS = { least: 0, most: YEAR_MS } as const;

import type { FarmStatus } from '@kiln/protocol/api.ts';
import type { Farm } from '../tests/support/farm.ts';

/** Often enough for a time of a second; more often, the looking would be a part of what is measured. */
const LOOK_MS = 20;

/** A recipe for `timeRuns`, called `single`. */
export const SINGLE = "steps: ['true']\n";

/**
 * Orders so many runs of `single` over HTTP at once, of versions that begin with `series`, and waits until all are finished.
 * Returns milliseconds.
 */
export async function timeRuns(kiln: Farm, count: number, series: string): Promise<number> {
  const before = await succeeded(kiln);
  const began = performance.now();
  await Promise.all(
    Array.from(
      { length: count },
      async (_, n) =>
        await kiln.api('/api/runs', { method: 'POST', body: { recipe: 'single', version: `${series}.${n}` } }),
    ),
  );
  return (await untilSucceeded(kiln, before + count)) - began;
}

/** Builds that ended well since the farm started: a figure that costs next to nothing to ask for. */
export async function succeeded(kiln: Farm): Promise<number> {
  return (await kiln.api<FarmStatus>('/status')).builds_succeeded;
}

/** Waits, at most two minutes, until so many builds ended well. Returns when that was, in milliseconds of `performance.now()`. */
export async function untilSucceeded(kiln: Farm, count: number): Promise<number> {
  const deadline = performance.now() + 120_000;
  while ((await succeeded(kiln)) < count) {
    if (performance.now() > deadline) throw new Error(`fewer than ${count} builds ended well within two minutes`);
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  return performance.now();
}

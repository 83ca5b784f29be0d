import type { RunList } from '@kiln/protocol/api.ts';
import type { Farm } from '../tests/support/farm.ts';

/** A recipe for `timeRuns`, called `single`. */
export const SINGLE = "steps: ['true']\n";

/** Orders so many runs of `single` over HTTP at once and waits until all are finished. Returns milliseconds. */
export async function timeRuns(kiln: Farm, count: number): Promise<number> {
  await kiln.finished((await kiln.start('single', 'warm')).runs[0] ?? '');
  const completed = async () => (await kiln.api<RunList>('/api/runs?recipe=single&status=completed&limit=1')).total;
  const before = await completed();
  const began = performance.now();
  await Promise.all(
    Array.from(
      { length: count },
      async (_, n) => await kiln.api('/api/runs', { method: 'POST', body: { recipe: 'single', version: `v${n}` } }),
    ),
  );
  return (await untilFinished(async () => (await completed()) === before + count)) - began;
}

/** Asks until it is so, at most two minutes. Returns when that was, in milliseconds of `performance.now()`. */
export async function untilFinished(check: () => Promise<boolean>): Promise<number> {
  const deadline = performance.now() + 120_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error('the jobs were not finished after two minutes');
    await new Promise((done) => setTimeout(done, 10));
  }
  return performance.now();
}

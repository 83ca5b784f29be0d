import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';
import { Readiness } from './readiness.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await p.stop();
});

it('tells of a loop that is stuck, and not of one whose rounds take as long as there is work', async () => {
  const readiness = new Readiness(p.context);
  readiness.started = true;
  const until = async (signal: AbortSignal) =>
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  const { lifecycle } = p.context;
  lifecycle.loop('sealing', { everyMs: 10, unbounded: true }, until);
  lifecycle.loop('queue', { everyMs: 10 }, until);
  const names = () => lifecycle.loops().flatMap(({ name, runningSince }) => (runningSince === null ? [] : [name]));
  await expect.poll(() => names().toSorted()).toEqual(['queue', 'sealing']);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
  expect(await readiness.check()).toMatchObject({
    reasons: ['loop_stalled'],
    components: { loops: { ok: false, message: 'queue: does not end' } },
  });
});

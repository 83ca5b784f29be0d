import { recordArtifact } from '@kiln/store/runs/staged-outputs.ts';
import { testRecipe, testRun } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../../../../tests/support/farm-context.ts';
import { newStagedKey, STAGING } from '../publish/staged.ts';
import { STAGED_BLOBS, sweepOrphans } from './orphans.ts';
import { clearOldStaging } from './staged-outputs.ts';

const { signal } = new AbortController();
let farm: TestFarm;
beforeEach(async () => {
  farm = await testFarm();
});
afterEach(async () => await farm.drop());

async function staged(runId: string): Promise<string> {
  const key = newStagedKey(runId);
  await farm.context.blobs.put(key, Buffer.from('output'));
  return key;
}

async function left(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of farm.context.blobs.list(STAGING)) keys.push(key);
  return keys.sort();
}

test('an upload that was never recorded is swept once it is old enough, and nothing else is', async () => {
  const { runId } = await testRun(farm.db, testRecipe('libfoo'));
  const [job] = await farm.db<{ jobId: string }[]>`SELECT job_id FROM jobs WHERE run_id = ${runId}`;
  const known = await staged(runId);
  const output = { jobId: job?.jobId ?? '', attempt: 1, path: 'a', bytes: 6, sha256: 'x', key: known };
  await farm.db.begin(async (sql) => await recordArtifact(sql, output));
  await staged(runId);
  await farm.context.blobs.put(`${STAGING}${runId}/notes.txt`, Buffer.from('not one of ours'));
  expect(await sweepOrphans(farm.context, STAGED_BLOBS, signal)).toBe(0);
  expect(await sweepOrphans(farm.context, STAGED_BLOBS, signal, 0)).toBe(1);
  expect(await left()).toEqual([known, `${STAGING}${runId}/notes.txt`].sort());
});

test('the place of blobs is looked through by one orchestrator only', async () => {
  const { runId } = await testRun(farm.db, testRecipe('libfoo'));
  await staged(runId);
  await farm.db`UPDATE runs SET status = 'cancelled', finished_at = now() - interval '2 hours'`;
  const old = { ageMs: 3_600_000 };
  expect(await clearOldStaging(farm.context, { ...old, shared: false }, signal)).toBe(0);
  expect(await clearOldStaging(farm.context, { ageMs: 3 * 3_600_000, shared: true }, signal)).toBe(0);
  expect(await clearOldStaging(farm.context, { ...old, shared: true }, signal)).toBe(1);
  expect(await left()).toEqual([]);
});

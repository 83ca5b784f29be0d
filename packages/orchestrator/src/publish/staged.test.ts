import { randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { clearStaging, newStagedKey } from './staged.ts';
import { type TestFarm, testFarm } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let farm: TestFarm;
let runId: string;

beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  farm = await testFarm(made.db);
  runId = randomUUID();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await farm.remove();
});

/** Stages a blob of a run. Gives its key. */
async function stage(ofRun: string): Promise<string> {
  const key = newStagedKey(ofRun);
  await farm.context.blobs.put(key, Buffer.from('output'));
  return key;
}

/** Every staged blob that there is, in no order. */
async function staged(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of farm.context.blobs.list('')) keys.push(key);
  return keys;
}

describe('clearing', () => {
  const run = () => ({ runId, recipe: 'libfoo', version: '1.0' });

  test('removes what the run staged, and nothing else', async () => {
    await stage(runId);
    await stage(runId);
    const other = await stage(randomUUID());
    await clearStaging(farm.context, run());
    await clearStaging(farm.context, { ...run(), runId: randomUUID() });
    expect(await staged()).toEqual([other]);
    expect(farm.warnings).toEqual([]);
  });

  test('removes the folder of a run that was staged before, too', async () => {
    const { stagingDir } = farm.context.config;
    for (const name of [runId, 'other']) await mkdir(join(stagingDir, name, 'x'), { recursive: true });
    await clearStaging(farm.context, run());
    expect(await readdir(stagingDir)).toEqual(['other']);
  });

  test('that fails is a warning', async () => {
    const key = await stage(runId);
    vi.spyOn(farm.context.blobs, 'remove').mockRejectedValue(new Error('EROFS: read-only file system'));
    await clearStaging(farm.context, run());
    const fields = { recipe: 'libfoo', version: '1.0', runId, err: expect.any(Error) };
    expect(farm.warnings).toEqual([{ fields, message: 'clear staging dir failed' }]);
    expect(await staged()).toEqual([key]);
  });
});

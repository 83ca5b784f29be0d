import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunDetail, RuntimeReadiness } from '@kiln/protocol/api.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Farm, startFarm } from './support/farm.ts';
import { checkLog } from './support/storm-check.ts';
import { recipeOf } from './support/storm-jobs.ts';
import { until } from './support/until.ts';

/** Mounting a disk of the test's own takes root. */
const canMount = process.getuid?.() === 0;
const JOB = { name: 'steady', lines: 6000, width: 60, every: 20, pause: 0.03 };
const CONFIG = `farm_id: test
recipes_dir: recipes
http: { addr: '127.0.0.1:0' }
orchestrator: { addr: '127.0.0.1:0' }
agent: { addr: '127.0.0.1:0' }
`;

let data: string;
let farm: Farm | null = null;
beforeEach(async () => {
  if (!canMount) return;
  data = await mkdtemp(join(tmpdir(), 'kiln-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=755', 'tmpfs', data]);
  await mkdir(join(data, 'recipes'));
  await writeFile(join(data, 'kiln.yaml'), CONFIG);
  await writeFile(join(data, 'recipes', 'steady.yaml'), recipeOf(JOB));
});
afterEach(async () => {
  if (!canMount) return;
  await rm(join(data, 'ballast'), { force: true });
  await farm?.stop();
  execFileSync('umount', ['--lazy', data]);
  await rm(data, { recursive: true });
});

/** Takes all the room that there is, and whatever is given back meanwhile. */
async function fill(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await writeFile(join(data, 'ballast'), Buffer.alloc(65_536), { flag: 'a' });
    } catch {
      await sleep(20);
    }
  }
}

test.skipIf(!canMount)(
  'a disk that is full while a job prints costs nothing but time, and is told',
  async () => {
    farm = await startFarm({ recipes: {}, data });
    const { api, start, url } = farm;
    const [runId = ''] = (await start('steady', '1')).runs;
    await until(
      'it prints',
      async () => ((await api<RunDetail>(`/api/runs/${runId}`)).jobList[0]?.attempts[0]?.lines ?? 0) > 100,
    );
    const readiness = async () =>
      await fetch(`${url}/api/runtime/readiness`).then(
        async (response) => (await response.json()) as RuntimeReadiness,
        () => null,
      );
    expect((await readiness())?.ready).toBe(true);
    const filling = new AbortController();
    const filled = fill(filling.signal);
    const told = await until(
      'it is told that the disk is full',
      async () => {
        const state = await readiness();
        return state && !state.ready ? state : null;
      },
      60_000,
    );
    expect(told.components.data_directory).toMatchObject({ ok: false, message: expect.stringContaining('full') });
    const refused = () => farm?.log().match(/level=error .*No space left on device/g)?.length ?? 0;
    await until('the database refused what was printed several times', () => refused() >= 4, 60_000);
    filling.abort();
    await filled;
    await rm(join(data, 'ballast'));
    const run = await until(
      'the run ended',
      async () => {
        const found = await api<RunDetail>(`/api/runs/${runId}`).catch(() => null);
        return found?.finishedAt ? found : null;
      },
      60_000,
    );
    expect(run.status, farm.log().slice(-3000)).toBe('completed');
    const [job] = run.jobList;
    const [attempt] = job?.attempts ?? [];
    if (!job || !attempt) throw new Error('the run has no attempt');
    expect(job.attempts).toHaveLength(1);
    await checkLog(farm, JOB, { jobId: job.jobId, ...attempt });
    await until('it is ready again', async () => (await readiness())?.ready === true);
  },
  240_000,
);

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { afterEach, expect, test } from 'vitest';
import { type Farm, runsOf, startFarm } from './support/farm.ts';
import { until } from './support/farm-context.ts';
import { killOne, pidsOf } from './support/farm-processes.ts';

/** Kills of the farm's own processes at bad moments: every order ends in one finished run, with its whole log, nothing twice. */
const LINES = 40_000;
let farm: Farm;
afterEach(async () => await farm.remove());

async function kill(part: 'server' | 'agent' | 'postgres'): Promise<void> {
  await until(`${part} is killed`, async () => (await killOne(farm.data, part)) !== null);
}

async function log(run: RunDetail): Promise<string[]> {
  const [job] = run.jobList;
  const response = await fetch(`${farm.url}/api/jobs/${job?.jobId}/log.txt?attempt=${job?.attempt}`, {
    headers: { authorization: `Bearer ${farm.token}` },
  });
  return (await response.text()).trimEnd().split('\n');
}

const wait = async (ms: number) => await new Promise((done) => setTimeout(done, ms));

async function loudFarm(): Promise<void> {
  farm = await startFarm({
    recipes: {
      'loud.yaml': `steps:\n  - awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) { print "line " i; if (i % 400 == 0) { fflush(); system("sleep 0.02") } } }'\n  - mkdir out && echo done >out/loud.txt\nartifacts: ['out/*']\npublish: {}\n`,
    },
  });
}

/** Waits for the run in spite of a server that comes and goes. */
async function settled(runId: string): Promise<RunDetail> {
  return await until(
    `run ${runId} is finished`,
    async () => {
      const run = await farm.api<RunDetail>(`/api/runs/${runId}`).catch(() => null);
      return run && (run.status === 'completed' || run.status === 'failed') ? run : null;
    },
    90_000,
  );
}

test.each(['server', 'postgres', 'agent'] as const)(
  'kill -9 of the %s in the middle of a loud build',
  async (part) => {
    await loudFarm();
    const [runId = ''] = (await farm.start('loud', '1')).runs;
    await until(
      'it prints',
      async () => ((await farm.api<RunDetail>(`/api/runs/${runId}`)).jobList[0]?.attempts[0]?.lines ?? 0) > 500,
    );
    // An agent that is lost three times with one job fails it; twice it must not.
    for (let round = 0; round < (part === 'agent' ? 2 : 3); round++) {
      await kill(part);
      await wait(700);
    }
    const run = await settled(runId);
    expect(run.status, farm.log().slice(-3000)).toBe('completed');
    const numbers = (await log(run)).flatMap((line) => /^line (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    expect(numbers).toHaveLength(LINES);
    expect(numbers.every((number, index) => number === index + 1)).toBe(true);
    expect(await runsOf(farm)).toHaveLength(1);
    expect(run.packages).toHaveLength(1);
    // Losing the server or the database costs the build nothing; losing the agent costs a new attempt.
    expect(run.jobList[0]?.attempt === 1).toBe(part !== 'agent');
  },
  120_000,
);

test('orders taken while every part is killed at random each end in exactly one finished run', async () => {
  farm = await startFarm({
    recipes: {
      'quick.yaml':
        "steps: ['sleep 0.2', 'mkdir o && echo $KILN_VERSION >o/f-$KILN_VERSION']\nartifacts: ['o/*']\npublish: {}\n",
    },
  });
  const versions = Array.from({ length: 12 }, (_, n) => `1.${n}`);
  const orders = (async () => {
    for (const version of versions) {
      // An order counts when it was answered; one that was not is given again, as a forge would.
      await until(
        `order ${version} is taken`,
        async () =>
          await farm.api('/api/runs', { method: 'POST', body: { recipe: 'quick', version } }).then(
            () => true,
            () => false,
          ),
        30_000,
      );
      await wait(150);
    }
  })();
  for (const part of ['server', 'agent', 'postgres', 'server', 'agent', 'postgres'] as const) {
    await kill(part);
    await wait(400 + Math.random() * 600);
  }
  await orders;
  const runs = await until(
    'all are finished',
    async () => {
      const all = await runsOf(farm).catch(() => []);
      const done = all.filter((run) => run.status === 'completed');
      return done.length >= versions.length && done.length === all.length ? all : null;
    },
    90_000,
  );
  expect(new Set(runs.map((run) => run.version))).toEqual(new Set(versions));
  const { packages } = await farm.api<{ packages: { version: string }[] }>('/api/packages?limit=200');
  expect(packages.map((p) => p.version).toSorted()).toEqual(versions.toSorted());
}, 180_000);

test('kill -9 of the supervisor leaves nothing running, and the next start goes on', async () => {
  await loudFarm();
  const [runId = ''] = (await farm.start('loud', '1')).runs;
  await until('it builds', async () => (await farm.api<RunDetail>(`/api/runs/${runId}`)).status === 'building');
  farm.supervisor.kill('SIGKILL');
  await until(
    'its parts are gone',
    async () => (await pidsOf(farm.data, 'server')).length + (await pidsOf(farm.data, 'agent')).length === 0,
    20_000,
  );
  farm = await startFarm({ recipes: {}, data: farm.data });
  expect((await settled(runId)).status).toBe('completed');
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  expect(stdout.split('\n').filter((line) => line.includes(farm.data) && line.includes('postgres -D'))).toHaveLength(1);
}, 120_000);

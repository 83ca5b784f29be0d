import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Farm, runsOf, startFarm } from './support/farm.ts';
import { killOne, pidsOf } from './support/farm-processes.ts';
import { until } from './support/until.ts';

/** Kills of the farm's own processes at bad moments: every order ends in one finished run, with its whole log, nothing twice. */
const PARTS = 4;
const LINES_OF_PART = 10_000;
let farm: Farm;
let signs: string;

beforeAll(async () => {
  signs = await mkdtemp(join(tmpdir(), 'kiln-signs-'));
  farm = await startFarm({
    recipes: {
      // Prints one part after the other, each when there is a file that lets it.
      'loud.yaml': `steps:
  - |
    for part in $(seq ${PARTS}); do
      until [ -e ${signs}/$KILN_VERSION-$part ]; do sleep 0.05; done
      awk -v part=$part 'BEGIN {
        for (i = (part - 1) * ${LINES_OF_PART} + 1; i <= part * ${LINES_OF_PART}; i++) {
          print "line " i
          if (i % 400 == 0) { fflush(); system("sleep 0.02") }
        }
      }'
    done
  - mkdir out && echo done >out/loud.txt
artifacts: ['out/*']
publish: {}
`,
      'quick.yaml':
        "steps: ['sleep 0.2', 'mkdir o && echo $KILN_VERSION >o/f-$KILN_VERSION']\nartifacts: ['o/*']\npublish: {}\n",
    },
  });
});
afterAll(async () => {
  await farm.remove();
  await rm(signs, { recursive: true, force: true });
});

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

/** Orders a loud build that prints its first part. */
async function loud(version: string): Promise<string> {
  await mayPrint(version, 1);
  return (await farm.start('loud', version)).runs[0] ?? '';
}

async function mayPrint(version: string, part: number): Promise<void> {
  await writeFile(join(signs, `${version}-${part}`), '');
}

/** Waits until the newest attempt of a run is in the middle of a part, in spite of a server that comes and goes. */
async function prints(runId: string, part: number): Promise<void> {
  const lines = (part - 1) * LINES_OF_PART + 500;
  await until(`the log has ${lines} lines`, async () => {
    const run = await farm.api<RunDetail>(`/api/runs/${runId}`).catch(() => null);
    return (run?.jobList[0]?.attempts.at(-1)?.lines ?? 0) > lines;
  });
}

/** Waits for the end of a run in spite of a server that comes and goes. */
async function settled(runId: string): Promise<RunDetail> {
  return await until(`run ${runId} is finished`, async () => {
    const run = await farm.api<RunDetail>(`/api/runs/${runId}`).catch(() => null);
    return run && (run.status === 'completed' || run.status === 'failed') ? run : null;
  });
}

/** Its log has every line once and in order, and it published what it made. */
async function expectWhole(run: RunDetail): Promise<void> {
  expect(run.status, farm.log().slice(-3000)).toBe('completed');
  const numbers = (await log(run)).flatMap((line) => /^line (\d+)$/.exec(line)?.[1] ?? []).map(Number);
  expect(numbers).toHaveLength(PARTS * LINES_OF_PART);
  expect(numbers.every((number, index) => number === index + 1)).toBe(true);
  expect(run.packages).toHaveLength(1);
}

test.each([
  ['server', '1'],
  ['postgres', '2'],
  ['agent', '3'],
] as const)('kill -9 of the %s in the middle of a loud build', async (part, version) => {
  const runId = await loud(version);
  // An agent that is lost three times with one job fails it; twice it must not.
  const kills = part === 'agent' ? 2 : 3;
  for (let round = 1; round <= kills; round++) {
    await prints(runId, round);
    await kill(part);
    await mayPrint(version, round + 1);
  }
  for (let next = kills + 1; next <= PARTS; next++) await mayPrint(version, next);
  const run = await settled(runId);
  await expectWhole(run);
  expect((await runsOf(farm)).filter((one) => one.recipe === 'loud' && one.version === version)).toHaveLength(1);
  // Losing the server or the database costs the build nothing; losing the agent costs a new attempt each time.
  expect(run.jobList[0]?.attempt).toBe(part === 'agent' ? 3 : 1);
});

test('orders taken while every part is killed each end in exactly one finished run', async () => {
  const victims = ['server', 'agent', 'postgres', 'server', 'agent', 'postgres'] as const;
  const versions = Array.from({ length: 12 }, (_, n) => `1.${n}`);
  for (const [n, version] of versions.entries()) {
    const victim = n % 2 === 1 ? victims[(n - 1) / 2] : undefined;
    if (victim) await kill(victim);
    // An order counts when it was answered; one that was not is given again, as a forge would.
    await until(
      `order ${version} is taken`,
      async () =>
        await farm.api('/api/runs', { method: 'POST', body: { recipe: 'quick', version } }).then(
          () => true,
          () => false,
        ),
    );
  }
  const runs = await until('all are finished', async () => {
    const all = (await runsOf(farm).catch(() => [])).filter((run) => run.recipe === 'quick');
    const done = all.filter((run) => run.status === 'completed');
    return done.length >= versions.length && done.length === all.length ? all : null;
  });
  expect(new Set(runs.map((run) => run.version))).toEqual(new Set(versions));
  const { packages } = await farm.api<{ packages: { package: string; version: string }[] }>('/api/packages?limit=200');
  const published = packages.filter((one) => one.package === 'quick').map((one) => one.version);
  expect(published.toSorted()).toEqual(versions.toSorted());
});

test('kill -9 of the supervisor leaves nothing running, and the next start goes on', async () => {
  const runId = await loud('4');
  await prints(runId, 1);
  farm.supervisor.kill('SIGKILL');
  await until(
    'its parts are gone',
    async () => (await pidsOf(farm.data, 'server')).length + (await pidsOf(farm.data, 'agent')).length === 0,
  );
  for (let next = 2; next <= PARTS; next++) await mayPrint('4', next);
  farm = await startFarm({ recipes: {}, data: farm.data });
  await expectWhole(await settled(runId));
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  expect(stdout.split('\n').filter((line) => line.includes(farm.data) && line.includes('postgres -D'))).toHaveLength(1);
});

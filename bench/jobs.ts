import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@kiln/store/database.ts';
import { startEmbedded } from '@kiln/store/embedded.ts';
import { startFarm } from '../tests/support/farm.ts';
import { SINGLE, succeeded, timeRuns, untilSucceeded } from './kiln-runs.ts';
import { median, report } from './report.ts';

/**
 * 200 jobs of `true` through the real tiers with two slots, from enqueue to all finished and durable, against the floor:
 * 200 sequential `sh -c true` and a commit for each. Claim for one run of 200 jobs: at most 2× the floor. As 200 runs, each is ordered
 * over HTTP, routed and settled by itself as well.
 */
const JOBS = 200;

async function floor(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-bench-'));
  const server = await startEmbedded(folder);
  const db = openDatabase(server.address, { name: 'bench', connections: 1 });
  await db`CREATE TABLE done (job int PRIMARY KEY, code int)`;
  const began = performance.now();
  for (let job = 0; job < JOBS; job++) {
    const code = await new Promise<number | null>((done) =>
      spawn('sh', ['-c', 'true'], { stdio: ['ignore', 'pipe', 'pipe'] }).on('close', done),
    );
    await db`INSERT INTO done VALUES (${job}, ${code})`;
  }
  const took = performance.now() - began;
  await db.end();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
  return took;
}

/** Each of the three is measured in turn, so that what else the machine does meets them all alike. */
const ROUNDS = 5;

async function rounds(): Promise<{ floors: number[]; matrix: number[]; runs: number[] }> {
  const took = { floors: [await floor()], matrix: [] as number[], runs: [] as number[] };
  const kiln = await startFarm({
    recipes: {
      'matrix.yaml': `jobs:\n  job:\n    matrix:\n      n: [${Array.from({ length: JOBS }, (_, n) => n).join(', ')}]\n    steps: ['true']\n`,
      'single.yaml': SINGLE,
    },
  });
  try {
    await kiln.finished((await kiln.start('single', 'warm')).runs[0] ?? '');
    for (let round = 0; round <= ROUNDS; round++) {
      const before = await succeeded(kiln);
      const began = performance.now();
      await kiln.start('matrix', String(round));
      const matrix = (await untilSucceeded(kiln, before + 1)) - began;
      const runs = await timeRuns(kiln, JOBS, `v${round}`);
      // The first round warms up: a farm that people use has run a job before.
      if (round === 0) continue;
      took.matrix.push(matrix);
      took.runs.push(runs);
      took.floors.push(await floor());
    }
    return took;
  } finally {
    await kiln.remove();
  }
}

const { floors, matrix, runs } = await rounds();
const base = median(floors);
report('jobs', [
  { name: `floor: ${JOBS} sequential sh -c true and their commits`, ms: base },
  { name: `one run of ${JOBS} jobs, two slots`, ms: median(matrix), ratio: median(matrix) / base, claim: 2 },
  {
    name: `${JOBS} runs of one job, ordered over HTTP, two slots`,
    ms: median(runs),
    ratio: median(runs) / base,
  },
]);

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { type Farm, startFarm } from '../tests/support/farm.ts';
import { writeLines } from './lines.ts';
import { type Figure, report } from './report.ts';

/**
 * Regular expressions over the whole log of a job, by `GET …/log/search`, against `zstd -dc | grep -cE` over the
 * same lines. Claim: at most 2×. `node bench/search.ts 10000000` for another number of lines than 1,000,000.
 */
const lines = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 1_000_000);
const EXPRESSIONS = ['unit_999[0-9]+\\.c', '(error|fatal): ', '^\\[[0-9]+77\\] linking'];
const TRIES = 3;
/** How long the log may take to become one blob, in milliseconds. */
const SEALING_MS = 60_000;

async function search(farm: Farm, jobId: string, q: string): Promise<{ ms: number; hits: number }> {
  const query = new URLSearchParams({ q, mode: 'regex', case: 'match', limit: '0' });
  const began = performance.now();
  const response = await fetch(`${farm.url}/api/jobs/${jobId}/log/search?${query}`, {
    headers: { authorization: `Bearer ${farm.token}` },
  });
  const last = (await response.text()).trimEnd().split('\n').at(-1) ?? '{}';
  const end: { type: string; hits: number } = JSON.parse(last);
  if (end.type !== 'end') throw new Error(`the search for ${q} ended with ${last}`);
  return { ms: performance.now() - began, hits: end.hits };
}

async function grep(path: string, q: string): Promise<{ ms: number; hits: number }> {
  const began = performance.now();
  const child = spawn('sh', ['-c', 'zstd -dc "$0" | grep -cE -e "$1"', path, q], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let count = '';
  child.stdout.on('data', (data: Buffer) => {
    count += data.toString();
  });
  await once(child, 'close');
  return { ms: performance.now() - began, hits: Number(count) };
}

async function untilSealed(farm: Farm): Promise<boolean> {
  for (const until = Date.now() + SEALING_MS; Date.now() < until; await sleep(200)) {
    const files = await readdir(join(farm.data, 'blobs'), { recursive: true }).catch(() => []);
    if (files.some((file) => file.includes('log'))) return true;
  }
  return false;
}

const folder = await mkdtemp(join(tmpdir(), 'kiln-bench-search-'));
const printed = join(folder, 'lines.txt');
await writeLines(printed, lines);
const farm = await startFarm({ recipes: { 'loud.yaml': `steps:\n  - cat ${printed}\n` } });
try {
  const run = await farm.finished((await farm.start('loud', '1')).runs[0] ?? '', 600_000);
  const job: RunDetail['jobList'][number] | undefined = run.jobList[0];
  if (run.status !== 'completed' || !job) throw new Error(`the job that prints ended with ${run.status}`);
  const sealed = await untilSealed(farm);
  await sleep(2000);
  const stored = join(folder, 'log.zst');
  await promisify(execFile)('zstd', ['-q', '-1', '-B262144', printed, '-o', stored]);
  const figures: Figure[] = [
    {
      name: `${lines} lines, ${Math.round((job.attempts[0]?.logBytes ?? 0) / 1e6)} MB`,
      value: sealed ? 'sealed' : 'not sealed',
    },
  ];
  // Starts the threads, which end when they are idle.
  await search(farm, job.jobId, 'warm');
  for (const q of EXPRESSIONS) {
    let [floor, ours] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let n = 0; n < TRIES; n++) {
      const expected = await grep(stored, q);
      const found = await search(farm, job.jobId, q);
      if (found.hits !== expected.hits) throw new Error(`${q}: grep finds ${expected.hits} lines, Kiln ${found.hits}`);
      floor = Math.min(floor, expected.ms);
      ours = Math.min(ours, found.ms);
    }
    figures.push({ name: `floor: zstd -dc | grep -cE '${q}'`, ms: floor });
    figures.push({ name: 'search over the API', ms: ours, ratio: ours / floor, claim: 2 });
  }
  report('search', figures);
} finally {
  await farm.remove();
  await rm(folder, { recursive: true, force: true });
}

import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { encodeFrame, type LineRun } from '@kiln/protocol/frame.ts';
import { FolderBlobs } from '@kiln/store/blobs/folder.ts';
import { type Database, openDatabase } from '@kiln/store/database.ts';
import { startEmbedded } from '@kiln/store/embedded.ts';
import type { StoredFrame } from '@kiln/store/frames.ts';
import { SEAL_LEVEL, sealLog } from '@kiln/store/logs/seal-log.ts';
import { claim, finish, seedAgent, seedRecipes, seedRun, testJob, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import { type Browser, chromium, type Page } from 'playwright-core';
import { builtDashboard } from '../tests/browser/support/dashboard.ts';
import { startChromium } from '../tests/browser/support/shared-chromium.ts';
import { startFarm } from '../tests/support/farm.ts';
import { report } from './report.ts';

/**
 * The page of a sealed log of 10,000,000 lines of 100 bytes, in Chromium: how long until its end is seen once the page's
 * code is loaded, until any other line is seen that is asked for, and how much memory the tab takes then, garbage
 * collected. Claims: under 200 ms, under 100 ms, under 200 MB. `node bench/viewer.ts 1000000` for another number of lines.
 */
const lines = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 10_000_000);
const JUMPS = 40;
const FRAME_LINES = 2500;
const OPEN_MS = 200;
const JUMP_MS = 100;
const TAB_BYTES = 200 * 1024 * 1024;

/** Frames as an agent would have cut them; every 1,000th line is a warning, every 100,000th an error. */
async function* frames(job: string, attempt: number): AsyncGenerator<StoredFrame> {
  let sequence = 0;
  for (let firstLine = 1; firstLine <= lines; firstLine += FRAME_LINES) {
    sequence += 1;
    const count = Math.min(FRAME_LINES, lines - firstLine + 1);
    const runs: LineRun[] = [];
    let text = '';
    for (let line = firstLine; line < firstLine + count; line += 1) {
      const level = line % 100_000 === 0 ? 3 : line % 1000 === 0 ? 2 : 1;
      const step = Math.floor((line * 4) / (lines + 1));
      runs.push([1, 1_790_000_000_000 + line, level, 'output', 0, step]);
      text +=
        `[${line}] compiling src/module_${line % 997}/unit_${(line * 7919) % 99_991}.c -> ${(line * 2_654_435_761) % 4_294_967_296}`
          .padEnd(99, '.')
          .concat('\n');
    }
    const bytes = Buffer.byteLength(text);
    const head = { v: 1 as const, job, attempt, sequence, firstLine, lines: count, bytes, runs };
    yield { sequence, firstLine, lines: count, data: encodeFrame(head, zstdCompressSync(text)) };
  }
}

/** A finished run whose log is such a blob. */
async function seed(db: Database, blobs: FolderBlobs, name: string, sealed: boolean): Promise<string> {
  const step = testJob('build').phases[0]?.steps[0];
  if (!step) throw new Error('a job for tests has a step');
  const steps = ['configure', 'make', 'make check', 'make install'].map((title) => ({ ...step, name: title }));
  const job = testJob('build', { labels: ['bench'], phases: [{ name: 'build', weight: 1, steps }] });
  const recipe = testRecipe(name, { jobs: [job] });
  await seedRecipes(db, [recipe]);
  const { runId } = await seedRun(db, recipe, '1.0');
  const [{ jobId = '' } = {}] = await db<{ jobId: string }[]>`SELECT job_id FROM jobs WHERE run_id = ${runId}`;
  // Before the attempt begins: the farm gives up on one whose agent is not heard of.
  const key = `logs/${jobId}/1-1.klog.zst`;
  const order = { jobId, attempt: 1, key, level: SEAL_LEVEL, signal: new AbortController().signal };
  const log = sealed ? await sealLog(blobs, order, frames(jobId, 1)) : null;
  const [claimed] = await claim(db, await seedAgent(db, name, ['bench']), name, ['bench']);
  if (!claimed) throw new Error('the job was not claimed');
  if (log) {
    await db`
      UPDATE attempts SET lines = ${lines}, log_bytes = ${log.textBytes}, log_state = 'sealed' WHERE job_id = ${jobId}`;
    await db`
      INSERT INTO sealed_logs (job_id, attempt, key, bytes, text_bytes, lines, frames, sha256, index_offset, index_bytes, sealed_at)
      VALUES (${jobId}, 1, ${log.key}, ${log.bytes}, ${log.textBytes}, ${log.lines}, ${log.frames}, ${log.sha256},
        ${log.indexOffset}, ${log.indexBytes}, now())`;
  }
  await finish(db, claimed, null, 0);
  await db`UPDATE runs SET status = 'completed', finished_at = now() WHERE run_id = ${runId}`;
  return runId;
}

/** Goes to an address within the page, and gives the time until a line can be read, in milliseconds. */
async function timeTo(page: Page, path: string, line: number): Promise<number> {
  return await page.evaluate(
    async ([to, wanted]) => {
      const began = performance.now();
      history.pushState(null, '', to);
      window.dispatchEvent(new PopStateEvent('popstate'));
      for (;;) {
        const text = document.querySelector(`[data-row="${wanted}"] [data-text]`)?.textContent ?? '';
        if (text.startsWith(`[${wanted}]`)) return performance.now() - began;
        if (performance.now() - began > 20_000) throw new Error(`line ${wanted} was not seen within 20 seconds`);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    },
    [path, line] as const,
  );
}

/** Private memory of the tab's process: what would be free if it were closed. */
async function tabBytes(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const sizes = await Promise.all(
    processInfo
      .filter(({ type }) => type === 'renderer')
      .map(async ({ id }) => {
        const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
        return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
      }),
  );
  return Math.max(...sizes);
}

await builtDashboard();
const folder = await mkdtemp(join(tmpdir(), 'kiln-bench-viewer-'));
const postgres = await startEmbedded(join(folder, 'postgres'));
const { user, password, host, port, database } = postgres.address;
const farm = await startFarm({
  recipes: {},
  config: `database:\n  url: postgres://${user}:${password}@${host}:${port}/${database}\n`,
});
const db = openDatabase(postgres.address, { name: 'bench' });
const chromiumServer = await startChromium();
const browser = await chromium.connect(chromiumServer.wsEndpoint());
try {
  const blobs = new FolderBlobs(join(farm.data, 'blobs'));
  const other = await seed(db, blobs, `small-${randomUUID().slice(0, 8)}`, false);
  const runId = await seed(db, blobs, `long-${randomUUID().slice(0, 8)}`, true);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const signIn = await context.request.post(`${farm.url}/api/sign-in`, { data: { token: farm.token } });
  if (!signIn.ok()) throw new Error(`sign-in answered ${signIn.status()}`);
  const page = await context.newPage();
  // Another run's page first, so that the code is there.
  await page.goto(`${farm.url}/runs/${other}`);
  await page.getByTestId('log').waitFor();
  const opened = await timeTo(page, `/runs/${runId}`, lines);
  const jumps: number[] = [];
  for (let n = 1; n <= JUMPS; n += 1) {
    const line = ((n * 7_919_993) % lines) + 1;
    jumps.push(await timeTo(page, `/runs/${runId}#L${line}`, line));
  }
  jumps.sort((a, b) => a - b);
  await page.getByTestId('log').hover();
  for (let n = 0; n < 200; n += 1) await page.mouse.wheel(0, n % 2 ? 300 : 1200);
  const uncollected = await tabBytes(browser);
  await (await context.newCDPSession(page)).send('HeapProfiler.collectGarbage');
  const bytes = await tabBytes(browser);
  const p95 = jumps[Math.floor(jumps.length * 0.95)] ?? Number.NaN;
  report('viewer', [
    { name: `${lines} lines, sealed: opened at its end`, ms: opened, ratio: opened / OPEN_MS, claim: 1 },
    { name: 'jump to any line, median', ms: jumps[Math.floor(jumps.length / 2)] ?? Number.NaN },
    { name: 'jump to any line, 95th percentile', ms: p95, ratio: p95 / JUMP_MS, claim: 1 },
    {
      name: 'memory of the tab after all that',
      value: `${Math.round(bytes / 1_048_576)} MiB, ${Math.round(uncollected / 1_048_576)} before garbage was collected`,
      ratio: bytes / TAB_BYTES,
      claim: 1,
    },
  ]);
} finally {
  await browser.close();
  await chromiumServer.close();
  await db.end();
  await farm.remove();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

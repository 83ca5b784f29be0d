import { cp } from 'node:fs/promises';
import { archiveNext } from '@kiln/orchestrator/retain/archive.ts';
import { expireOld } from '@kiln/orchestrator/retain/expire.ts';
import { sealNext } from '@kiln/orchestrator/retain/seal.ts';
import { testFigures } from '@kiln/orchestrator/retain/testing-logs.ts';
import { addLines, type SeedLine, seedLine } from '@kiln/platform/api/logs/testing-logs.ts';
import { startTestPlatform, type TestPlatform } from '@kiln/platform/testing.ts';
import type { Failure, PhaseReport } from '@kiln/protocol/agent-messages.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { LOG_LEVELS, type LogLevel } from '@kiln/protocol/states.ts';
import { LOG_END, logCopy } from '@kiln/store/bus/log-copy.ts';
import { framesAfter } from '@kiln/store/frames.ts';
import { claim, finish, seedAgent, seedRecipes, seedRun, testJob, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import type { ClaimedJob } from '@kiln/store/runs/claim.ts';
import { reportProgress } from '@kiln/store/runs/progress.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openPage } from './browser.ts';
import { builtDashboard } from './dashboard.ts';

/** A line for `seed`: a text, or more about it. */
export type Said = string | ({ text: string; level?: LogLevel } & Partial<Omit<SeedLine, 'level' | 'text'>>);

/** A run with one job whose log was put into the database. */
export interface SeededRun {
  runId: string;
  job: ClaimedJob;
  /** Adds lines, as an agent would: stored, then told to who follows. */
  print(...said: Said[]): Promise<void>;
  /** How far its phases are. */
  report(phases: PhaseReport[]): Promise<void>;
  /** Ends it. */
  end(failure?: Failure | null): Promise<void>;
}

/** A real platform with the built dashboard, whose logs are what a test puts there. */
export interface LogPlatform {
  readonly url: string;
  readonly platform: TestPlatform;
  /** A run in progress. `phases` names steps by phase. */
  seed(phases: Record<string, string[]>, said: readonly Said[]): Promise<SeededRun>;
  /** A signed-in page. */
  open(path: string, options?: BrowserContextOptions): Promise<{ page: Page; complaints: string[] }>;
  /** Seals all logs of ended jobs, then makes them smaller, or removes them. */
  retain(work: 'seal' | 'archive' | 'expire'): Promise<void>;
  /** Stops the platform, calls `meanwhile`, and starts another one on the same database and port. */
  restart(meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one for the pages of a browser. */
export async function startLogPlatform(browser: Browser): Promise<LogPlatform> {
  const dist = await builtDashboard();
  const { db, drop } = await testDatabase();
  const start = async (addr: string): Promise<TestPlatform> => {
    const started = await startTestPlatform(db, { 'http.addr': addr });
    await cp(dist, started.webRoot, { recursive: true });
    return started;
  };
  let platform = await start('127.0.0.1:0');
  const { url } = platform;
  let seeded = 0;

  return {
    url: `${url}/`,
    get platform() {
      return platform;
    },
    async seed(phases, said) {
      const name = `build-${++seeded}`;
      const job = testJob('build', {
        phases: Object.entries(phases).map(([phase, steps]) => ({
          name: phase,
          weight: 1,
          steps: steps.map((step) => ({ ...STEP, name: step, run: step })),
        })),
      });
      const recipe = testRecipe(name, { jobs: [job] });
      await seedRecipes(db, [recipe]);
      const { runId } = await seedRun(db, recipe, '1.0');
      const [claimed] = await claim(db, await seedAgent(db, name), name);
      if (!claimed) throw new Error('no job was claimed');
      const { jobId, attempt, fence } = claimed;
      const stored = { frames: 0, lines: 0 };
      const print = async (...said: Said[]) => {
        const lines = said.map(lineOf);
        await addLines(db, claimed, lines, 1000, { ...stored });
        const fresh = await framesAfter(db, jobId, attempt, stored.frames, 1e9);
        stored.frames += Math.ceil(lines.length / 1000);
        stored.lines += lines.length;
        platform.bus.publish(SUBJECTS.log(jobId, attempt), logCopy(fresh));
      };
      const report = async (reports: PhaseReport[]) => {
        const progress = { percent: 50, text: '', phases: reports };
        await db.begin(async (sql) => await reportProgress(sql, [{ jobId, attempt, fence, progress, building: true }]));
      };
      await report([]);
      await print(...said);
      return {
        runId,
        job: claimed,
        print,
        report,
        async end(failure = null) {
          await finish(db, claimed, failure, stored.frames);
          const status = failure ? 'failed' : 'completed';
          await db`UPDATE runs SET status = ${status}, finished_at = now() WHERE run_id = ${runId}`;
          platform.bus.publish(SUBJECTS.log(jobId, attempt), LOG_END);
          platform.bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
        },
      };
    },
    async open(path, options = {}) {
      const { page, complaints } = await openPage(browser, 'about:blank', options);
      await page.context().addCookies([await sessionOf(platform)]);
      await page.goto(`${url}/${path}`);
      return { page, complaints };
    },
    async retain(work) {
      const context = { ...platform.context, db, instance: 'test-keeper' };
      const { signal } = new AbortController();
      const count = testFigures(db);
      if (work === 'seal') while (await sealNext(context, count, signal)) await Promise.resolve();
      else if (work === 'archive') while (await archiveNext(context, count, 0, signal)) await Promise.resolve();
      else await expireOld(context, count, 0, signal);
    },
    async restart(meanwhile) {
      await platform.stop();
      await meanwhile();
      platform = await start(new URL(url).host);
    },
    async stop() {
      await platform.stop();
      await drop();
    },
  };
}

const STEP = {
  shell: 'sh',
  workingDirectory: null,
  environment: {},
  timeoutMs: null,
  continueOnError: false,
  always: false,
} as const;

function lineOf(said: Said): SeedLine {
  if (typeof said === 'string') return seedLine(said);
  const { text, level = 'INFO', ...more } = said;
  return seedLine(text, { ...more, level: LOG_LEVELS.indexOf(level) });
}

async function sessionOf(platform: TestPlatform): Promise<{ name: string; value: string; url: string }> {
  const answer = await platform.ask('/api/sign-in', { method: 'POST', body: { token: platform.adminToken } });
  const [name = '', value = ''] = (answer.headers.getSetCookie()[0] ?? '').split(';')[0]?.split('=') ?? [];
  if (!answer.ok || name === '') throw new Error(`sign-in answered ${answer.status}`);
  return { name, value, url: platform.url };
}

/** Numbers and texts of the lines that can be seen whole. */
export async function visibleLines(page: Page): Promise<{ line: number; text: string }[]> {
  return await page.getByTestId('log').evaluate((log) => {
    const view = log.getBoundingClientRect();
    return [...log.querySelectorAll<HTMLElement>('[data-row]')]
      .filter((row) => {
        const at = row.getBoundingClientRect();
        return at.top >= view.top - 1 && at.bottom <= view.bottom + 1;
      })
      .map((row) => ({ line: Number(row.dataset.row), text: row.textContent ?? '' }));
  });
}

/** Numbers of the lines that can be seen whole. */
export async function visibleNumbers(page: Page): Promise<number[]> {
  return (await visibleLines(page)).map(({ line }) => line);
}

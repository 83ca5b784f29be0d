import { setTimeout as sleep } from 'node:timers/promises';
import type { EventDetail, RunDetail, RunList, RunSummary, StartedRun } from '@kiln/protocol/api.ts';
import { type Farm, startFarm } from './farm.ts';
import { farmDatabase } from './farm-processes.ts';
import { Random } from './random.ts';
import { checkLog, type EndedAttempt } from './storm-check.ts';
import { recipeOf, STORM_JOBS, type StormJob } from './storm-jobs.ts';
import { killAtRandom } from './storm-kills.ts';
import { type Seen, watchLog } from './storm-viewer.ts';
import { until } from './until.ts';

export interface StormOptions {
  rounds: number;
  seed: number;
  /** Longest pause between two rounds, in milliseconds; the shortest is 50. */
  pauseMs: number;
  /** Whether to wait until every log is sealed, which takes a lease's minute after a kill. Else those are read again that are. */
  sealed: boolean;
  /** Hears of every kill and every run that ended. */
  say?: (words: string) => void;
}

/** What a storm did; that nothing was lost is what `storm` throws on. */
export interface StormResult {
  kills: Record<string, number>;
  runs: number;
  attempts: number;
  /** Attempts that ended because their agent was lost. */
  lost: number;
  lines: number;
  bytes: number;
  sealed: number;
  /** Connections of live viewers, of which each log has one. */
  connections: number;
}

const SETTINGS = `  slots: ${STORM_JOBS.length}\n`;
/** How long everything may take to end after the last kill. */
const SETTLE_MS = 180_000;

interface Logged extends EndedAttempt {
  job: StormJob;
  sha256: string;
}

/**
 * Kills processes of a whole farm at random, round after round, while each of five jobs is ordered again and again. Throws when
 * an event does not end in exactly one finished run, or a log is not what its job printed, read over HTTP or live.
 */
export async function storm(options: StormOptions): Promise<StormResult> {
  const farm = await startFarm({
    recipes: Object.fromEntries(STORM_JOBS.map((job) => [`${job.name}.yaml`, recipeOf(job)])),
    config: SETTINGS,
    env: { KILN_ORCHESTRATOR_LOST_AGENT_ATTEMPTS: '100' },
  });
  try {
    return await new Storm(farm, options).run();
  } catch (error) {
    const words = farm.log().slice(-6000);
    throw new Error(`storm with seed ${options.seed}: ${error instanceof Error ? error.stack : error}\n${words}`);
  } finally {
    await farm.remove();
  }
}

class Storm {
  readonly #farm: Farm;
  readonly #options: StormOptions;
  readonly #viewers = new Map<string, Promise<Seen>>();
  readonly #logs: Logged[] = [];
  readonly #end = new AbortController();
  readonly #broken = Promise.withResolvers<never>();
  #calm = false;

  constructor(farm: Farm, options: StormOptions) {
    this.#farm = farm;
    this.#options = options;
    this.#broken.promise.catch(() => {});
  }

  async run(): Promise<StormResult> {
    try {
      const orders = STORM_JOBS.map(async (job) => await this.#keepOrdering(job));
      const { seed, rounds, pauseMs, say = () => {} } = this.#options;
      const killing = killAtRandom(this.#farm, { random: new Random(seed), rounds, pauseMs, say }).finally(() => {
        this.#calm = true;
      });
      const [kills] = await Promise.race([Promise.all([killing, ...orders]), this.#broken.promise]);
      await this.#checkEnds();
      const connections = await this.#checkViewers();
      const sealed = await this.#checkSealed();
      return {
        kills,
        runs: new Set(this.#logs.map((log) => log.jobId)).size,
        attempts: this.#logs.length,
        lost: this.#logs.filter((log) => log.status === 'failed').length,
        lines: this.#logs.reduce((sum, log) => sum + log.lines, 0),
        bytes: this.#bytes,
        sealed,
        connections,
      };
    } finally {
      this.#calm = true;
      this.#end.abort();
    }
  }

  get #bytes(): number {
    return this.#logs.reduce((sum, { job, lines }) => sum + lines * (job.width + 12), 0);
  }

  /** Orders a job, waits until it ended, checks its logs, and again, until the last round is over. */
  async #keepOrdering(job: StormJob): Promise<void> {
    for (let n = 1; !this.#calm; n++) {
      const order = { method: 'POST', body: { recipe: job.name, version: `1.${n}` } };
      const started = await this.#ask<StartedRun>('/api/runs', order);
      // One that was not answered may have been taken all the same: its run is checked with all others at the end.
      if (!started) {
        await sleep(100);
        continue;
      }
      const event = await this.#until(`event ${started.eventId} is routed`, async () => {
        const found = await this.#ask<EventDetail>(`/api/events/${started.eventId}`);
        return found?.status === 'done' ? found : null;
      });
      if (event.runs.length !== 1) throw new Error(`event ${event.eventId} made ${event.runs.length} runs`);
      await this.#follow(job, event.runs[0] ?? '');
    }
  }

  /** Watches a run to its end, and every attempt live, and checks the logs. */
  async #follow(job: StormJob, runId: string): Promise<void> {
    const run = await this.#until(`run ${runId} of ${job.name} ended`, async () => {
      const found = await this.#ask<RunDetail>(`/api/runs/${runId}`);
      for (const { jobId, attempts } of found?.jobList ?? [])
        for (const { attempt } of attempts) this.#watch(jobId, attempt);
      return found && found.finishedAt !== null ? found : null;
    });
    await this.#check(job, run);
  }

  #watch(jobId: string, attempt: number): void {
    const key = `${jobId}.${attempt}`;
    if (this.#viewers.has(key)) return;
    const seen = watchLog(this.#farm, jobId, attempt, this.#end.signal);
    seen.catch((error: unknown) => {
      if (!this.#end.signal.aborted) this.#broken.reject(error);
    });
    this.#viewers.set(key, seen);
  }

  async #check(job: StormJob, run: RunDetail): Promise<void> {
    if (run.status !== 'completed') throw new Error(`run ${run.runId} of ${job.name} is ${run.status}`);
    for (const { jobId, attempts } of run.jobList) {
      for (const { attempt, status, lines } of attempts) {
        const ended = { jobId, attempt, status, lines };
        const isLast = attempt === attempts.length;
        if (isLast !== (status === 'completed'))
          throw new Error(`attempt ${attempt} of ${attempts.length} of job ${jobId} is ${status}`);
        this.#logs.push({ ...ended, job, sha256: await checkLog(this.#farm, job, ended) });
      }
    }
    this.#options.say?.(`${job.name} ${run.version}: ${run.jobList[0]?.attempts.length} attempts, all there`);
  }

  /** Every event, also of orders that were never answered, ended in one completed run; their logs are checked as well. */
  async #checkEnds(): Promise<void> {
    const runs = await this.#until('every run ended', async () => {
      const all = await this.#allRuns();
      return all?.every((run) => run.finishedAt !== null) ? all : null;
    });
    const known = new Set(this.#logs.map((log) => log.jobId));
    for (const { runId, recipe } of runs) {
      const run = await this.#until(
        `run ${runId} is told`,
        async () => await this.#ask<RunDetail>(`/api/runs/${runId}`),
      );
      const job = STORM_JOBS.find(({ name }) => name === recipe);
      if (!job) throw new Error(`run ${runId} is of ${recipe}`);
      if (!known.has(run.jobList[0]?.jobId ?? '')) await this.#follow(job, runId);
    }
    const db = await farmDatabase(this.#farm.data);
    try {
      const bad = await db`
        SELECT e.event_id, e.status, count(r.run_id)::int AS runs FROM events e LEFT JOIN runs r USING (event_id)
        GROUP BY 1, 2 HAVING e.status <> 'done' OR count(r.run_id) <> 1`;
      if (bad.length > 0) throw new Error(`events without exactly one run: ${JSON.stringify(bad)}`);
    } finally {
      await db.end({ timeout: 2 });
    }
  }

  async #allRuns(): Promise<RunSummary[] | null> {
    const all: RunSummary[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: RunList | null = await this.#ask(`/api/runs?limit=200${cursor && `&cursor=${cursor}`}`);
      if (!page) return null;
      all.push(...page.runs);
      cursor = page.nextCursor;
    }
    return all;
  }

  /** Every viewer saw what HTTP gives. Returns how often they connected. */
  async #checkViewers(): Promise<number> {
    let connections = 0;
    for (const { jobId, attempt, lines, sha256 } of this.#logs) {
      this.#watch(jobId, attempt);
      const viewer = this.#viewers.get(`${jobId}.${attempt}`);
      const late = sleep(SETTLE_MS, null, { ref: false });
      const seen = await Promise.race([viewer, late]);
      if (!seen) throw new Error(`the viewer of attempt ${attempt} of job ${jobId} sees no end`);
      if (seen.lines !== lines || seen.sha256 !== sha256)
        throw new Error(`the viewer of attempt ${attempt} of job ${jobId} saw something else than HTTP gives`);
      connections += seen.connections;
    }
    return connections;
  }

  /** Logs read the same since they are sealed. Returns how many are. */
  async #checkSealed(): Promise<number> {
    const db = await farmDatabase(this.#farm.data);
    const waiting = async () => await db`SELECT 1 FROM attempts WHERE log_state <> 'sealed' LIMIT 1`;
    try {
      if (this.#options.sealed) {
        await until('every log is sealed', async () => (await waiting()).length === 0, SETTLE_MS);
        const left = await db`SELECT 1 FROM frames LIMIT 1`;
        if (left.length > 0) throw new Error('frames are left in the database though every log is sealed');
      }
      const sealed = await db<{ key: string }[]>`
        SELECT job_id || '.' || attempt AS key FROM attempts WHERE log_state = 'sealed'`;
      const keys = new Set(sealed.map(({ key }) => key));
      const logs = this.#logs.filter(({ jobId, attempt }) => keys.has(`${jobId}.${attempt}`));
      for (const log of logs) {
        if ((await checkLog(this.#farm, log.job, log)) !== log.sha256)
          throw new Error(`the log of attempt ${log.attempt} of job ${log.jobId} reads otherwise since it is sealed`);
      }
      return logs.length;
    } finally {
      await db.end({ timeout: 2 });
    }
  }

  /** Null while the farm does not answer, or not yet as it should. */
  async #ask<T>(path: string, init?: { method?: string; body?: unknown }): Promise<T | null> {
    return await this.#farm.api<T>(path, init).catch(() => null);
  }

  async #until<T>(what: string, check: () => Promise<T | null>): Promise<T> {
    const deadline = Date.now() + this.#options.rounds * 2000 + SETTLE_MS;
    while (Date.now() < deadline) {
      const found = await check();
      if (found !== null) return found;
      await sleep(150);
      if (this.#end.signal.aborted) throw new Error(`the storm ended before: ${what}`);
    }
    throw new Error(`still not: ${what}`);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { Leadership } from '../lead/leadership.ts';
import { archiveNext } from './archive.ts';
import { expireOld } from './expire.ts';
import { type RetentionFigures, registerRetentionFigures } from './figures.ts';
import { LOG_BLOBS, STAGED_BLOBS, sweepOrphans } from './orphans.ts';
import { sealNext } from './seal.ts';
import { clearOldStaging } from './staged-outputs.ts';
import type { Outcome } from './work.ts';

const SEAL_EVERY_MS = 10_000;
/** Jobs go first: sealing begins this long after one ended, and rests after each log for several times as long as it took. */
const SEAL_AFTER_MS = 2000;
const REST_TIMES = 3;
const LONGEST_REST_MS = 1000;
const ORPHANS_EVERY_MS = 6 * 3_600_000;
/** How often ages are looked at: a hundredth of the shortest period, within these bounds. */
const SHORTEST_SWEEP_MS = 1000;
const LONGEST_SWEEP_MS = 600_000;

/**
 * Keeps finished logs: seals them when their attempts end, archives and removes them by age. Removes staged outputs that
 * nobody publishes any more, and blobs that nobody knows. Any number of orchestrators
 * do it at once, each log being leased. While the place of blobs is away everything stays where it is, and is told once.
 */
export function startRetention(context: FarmContext, leadership: Pick<Leadership, 'isLeader'>): void {
  const { config, bus, lifecycle, log, db, metrics } = context;
  const { logsFullMs, logsArchivedMs, stagingMs } = config.retention;
  const count = registerRetentionFigures(db, metrics);
  const store = new Trouble(context);

  lifecycle.loop(
    'sealing',
    { everyMs: SEAL_EVERY_MS, unbounded: true, wake: (wakeUp) => bus.subscribe(SUBJECTS.ended, wakeUp) },
    async (signal) => {
      await rest(SEAL_AFTER_MS, signal);
      await store.through(signal, async () => {
        const began = performance.now();
        const outcome = await sealNext(context, count, signal);
        if (outcome !== null) await rest(Math.min(LONGEST_REST_MS, (performance.now() - began) * REST_TIMES), signal);
        return outcome;
      });
    },
  );

  const shortest = Math.min(logsFullMs, logsArchivedMs, stagingMs) / 100;
  const everyMs = Math.min(LONGEST_SWEEP_MS, Math.max(SHORTEST_SWEEP_MS, shortest));
  lifecycle.loop('log retention', { everyMs, unbounded: true }, async (signal) => {
    const logs = await expireOld(context, count, logsArchivedMs, signal);
    if (logs > 0) log.info({ logs }, 'old logs removed');
    const archived = await archiveOld(context, count, store, signal);
    if (archived > 0) log.info({ logs: archived }, 'logs archived');
  });
  lifecycle.loop('staged outputs', { everyMs, unbounded: true }, async (signal) => {
    const shared = leadership.isLeader() && (await store.answers());
    const runs = await clearOldStaging(context, { ageMs: stagingMs, shared }, signal);
    if (runs > 0) log.info({ runs }, 'old staged outputs removed');
  });
  lifecycle.loop('orphaned blobs', { everyMs: ORPHANS_EVERY_MS, unbounded: true }, async (signal) => {
    if (!leadership.isLeader() || !(await store.answers())) return;
    const blobs = await sweepOrphans(context, LOG_BLOBS, signal);
    if (blobs > 0) log.info({ blobs }, 'blobs of logs that nobody knows removed');
    const outputs = await sweepOrphans(context, STAGED_BLOBS, signal);
    if (outputs > 0) log.info({ outputs }, 'staged outputs that nobody knows removed');
  });
}

async function archiveOld(
  context: FarmContext,
  count: RetentionFigures,
  store: Trouble,
  signal: AbortSignal,
): Promise<number> {
  let archived = 0;
  await store.through(signal, async () => {
    const outcome = await archiveNext(context, count, context.config.retention.logsFullMs, signal);
    if (outcome === 'done') archived += 1;
    return outcome;
  });
  return archived;
}

/** Waits, but not longer than until the end. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** Tells once that logs can't be moved, and lets that cost no more than a look now and then. */
class Trouble {
  readonly #context: Pick<FarmContext, 'blobs' | 'log'>;
  #since: number | null = null;

  constructor(context: Pick<FarmContext, 'blobs' | 'log'>) {
    this.#context = context;
  }

  /** Does one log after another until none is left, or one failed. */
  async through(signal: AbortSignal, next: () => Promise<Outcome | null>): Promise<void> {
    if (this.#since !== null && !(await this.answers())) return;
    for (let outcome = await next(); outcome !== null && !signal.aborted; outcome = await next()) {
      if (typeof outcome === 'object') return this.#begins(outcome.failed);
      if (outcome === 'done') this.#ends();
    }
  }

  /** Whether the place of blobs answers. */
  async answers(): Promise<boolean> {
    try {
      await this.#context.blobs.check();
      return true;
    } catch (err) {
      this.#context.log.debug({ err }, 'the place of finished logs does not answer');
      return false;
    }
  }

  #begins(error: string): void {
    const { blobs, log } = this.#context;
    if (this.#since !== null) return;
    this.#since = Date.now();
    log.warn({ error, place: blobs.describe() }, 'a finished log can not be moved, trying again');
  }

  #ends(): void {
    if (this.#since === null) return;
    const seconds = Math.round((Date.now() - this.#since) / 1000);
    this.#since = null;
    this.#context.log.info({ seconds }, 'finished logs are moved again');
  }
}

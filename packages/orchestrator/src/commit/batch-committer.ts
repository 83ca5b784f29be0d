import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '@kiln/service/backoff.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { Database, Transaction } from '@kiln/store/database.ts';
import type { NewFrame } from '@kiln/store/frames.ts';
import type { Finish } from '@kiln/store/runs/finish.ts';
import type { ProgressReport } from '@kiln/store/runs/progress.ts';
import { openSingleConnection } from '@kiln/store/single-connection.ts';
import { type Batch, Inbox, pieces } from './batch.ts';
import { type Author, type Candidate, type Committed, commitBatch } from './commit-batch.ts';

/** How long small news may wait for company on a busy farm; far less than anyone sees. */
const GATHER_MS = 2;
const COMMIT_BACKOFF = { firstMs: 200, capMs: 5_000 };

/** Seconds for the connection to close when no transaction is under way any more. */
const END_S = 2;

/** A transaction takes milliseconds. */
const STUCK_MS = 60_000;

/** What the committer needs to know of the agents, and whom it tells. */
export interface CommitHost {
  candidates(): Candidate[];
  author(): Author;
  /** The transaction is committed: acknowledge, dispatch, publish. Must not throw. */
  committed(batch: Batch, result: Committed): void;
  /** The database refuses this piece for what it says, not for its own state: end the attempt that said it. Must not throw. */
  refused(piece: Batch, error: Error): void;
}

/**
 * The orchestrator's heart: everything that agents say and everything that they are given goes through one loop of
 * transactions. While one commits, the next gathers, so a busy farm commits large batches and an idle one answers a
 * single line in about a millisecond. A batch is never lost: while the database is away it is tried again.
 */
export class BatchCommitter {
  /** A connection of its own: one transaction follows the other, and the same few statements are all that it says. */
  readonly #db: Database;
  readonly #log: Logger;
  readonly #host: CommitHost;
  readonly #inbox = new Inbox();
  #claiming = false;
  #stopped = false;
  #endedAt = 0;
  #ring: () => void = () => {};
  #running: Promise<void> | null = null;
  #committingSince: number | null = null;
  #trouble: string | null = null;

  constructor(db: Database, log: Logger, host: CommitHost) {
    this.#db = openSingleConnection(db);
    this.#log = log;
    this.#host = host;
  }

  frame(frame: NewFrame): void {
    this.#inbox.frame(frame);
    this.#ring();
  }

  report(report: ProgressReport): void {
    this.#inbox.report(report);
    this.#ring();
  }

  finish(finish: Finish): void {
    this.#inbox.finish(finish);
    // Its slot is free with the same commit, so the same commit may fill it.
    this.#claiming = true;
    this.#ring();
  }

  /** Why nothing that agents say is stored now, or null. */
  get trouble(): string | null {
    const since = this.#committingSince;
    if (since !== null && performance.now() - since > STUCK_MS) return 'a transaction does not end';
    return this.#trouble;
  }

  /** Jobs may be claimable: look with the next batch. */
  wake(): void {
    this.#claiming = true;
    this.#ring();
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Commits what was said so far, gives nothing out any more, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ring();
    await this.#running;
    await this.#db.end({ timeout: END_S });
  }

  async #run(): Promise<void> {
    for (;;) {
      while (this.#inbox.empty && !this.#claiming && !this.#stopped) {
        await new Promise<void>((ring) => {
          this.#ring = ring;
        });
      }
      if (this.#stopped && this.#inbox.empty) return;
      await this.#gather();
      const batch = this.#inbox.take();
      const claiming = this.#claiming && !this.#stopped;
      this.#claiming = false;
      const refusal = await this.#persist(batch, claiming);
      if (refusal) await this.#isolate(batch, claiming);
      this.#endedAt = performance.now();
    }
  }

  /**
   * While batches follow each other closely, small news waits a moment for the end of a job, so that many short jobs cost one
   * transaction each and not two. The first line after a silence, a loud log and last words wait for nothing.
   */
  async #gather(): Promise<void> {
    const until = performance.now() + GATHER_MS;
    if (this.#endedAt + GATHER_MS < performance.now()) return;
    while (!this.#claiming && !this.#stopped && !this.#inbox.urgent && performance.now() < until) {
      await new Promise<void>((ring) => {
        const timer = setTimeout(ring, Math.max(0, until - performance.now()));
        this.#ring = () => {
          clearTimeout(timer);
          ring();
        };
      });
    }
  }

  /**
   * Commits a batch, however long the database is away. Gives the error when the database refuses what it says; trying
   * again can't help then.
   */
  async #persist(batch: Batch, claiming: boolean): Promise<Error | null> {
    for (let failures = 1; ; failures++) {
      try {
        await this.#commit(batch, claiming);
        this.#trouble = null;
        return null;
      } catch (error) {
        if (isRefusal(error)) return error;
        this.#trouble = error instanceof Error ? error.message : String(error);
        this.#log.error({ err: error, failures }, 'turn failed');
        if (this.#stopped && failures > 20) return null;
        await sleep(backoffMs(failures, COMMIT_BACKOFF));
      }
    }
  }

  async #commit(batch: Batch, claiming: boolean): Promise<void> {
    const candidates = claiming ? this.#host.candidates() : [];
    const author = this.#host.author();
    const work = async (sql: Transaction) => await commitBatch(sql, batch, candidates, author);
    this.#committingSince = performance.now();
    try {
      const result = await this.#db.begin(work);
      this.#host.committed(batch, result);
    } finally {
      this.#committingSince = null;
    }
  }

  /**
   * One piece of the batch is at fault: commits the others one by one, and drops the one that is refused with everything
   * else that its attempt said, since a log with a hole in it is worse than one that ends.
   */
  async #isolate(batch: Batch, claiming: boolean): Promise<void> {
    const dropped = new Set<string>();
    for (const piece of pieces(batch)) {
      const jobId = jobOf(piece);
      if (jobId === undefined || dropped.has(jobId)) continue;
      const refusal = await this.#persist(piece, false);
      if (!refusal) continue;
      dropped.add(jobId);
      this.#inbox.forget(jobId);
      this.#host.refused(piece, refusal);
    }
    if (!claiming) return;
    if (dropped.size > 0) return this.wake();
    // Nothing that was said is at fault, so it is a job that waits: without a pause this would be asked again at once.
    const refusal = await this.#persist({ frames: [], reports: [], finishes: [] }, true);
    if (!refusal) return;
    this.#log.error({ err: refusal }, 'jobs can not be given out');
    await sleep(backoffMs(5, COMMIT_BACKOFF));
  }
}

function jobOf({ frames, reports, finishes }: Batch): string | undefined {
  return [...frames, ...reports, ...finishes][0]?.jobId;
}

/**
 * Whether what was said is at fault, so that trying again can't help: the database refused the data (SQLSTATE classes
 * 21, 22, 23) or finds it too large (54), or it can't even be written down (a RangeError, such as for too deep a nesting).
 */
function isRefusal(error: unknown): error is Error {
  if (error instanceof RangeError) return true;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(2[123]|54)/.test(error.code);
}

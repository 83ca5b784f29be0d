import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@kiln/service/log.ts';
import type { Database, Transaction } from '@kiln/store/database.ts';
import type { Finish } from '@kiln/store/finish.ts';
import type { NewFrame } from '@kiln/store/frames.ts';
import type { ProgressReport } from '@kiln/store/progress.ts';
import { type Batch, Inbox, pieces } from './batch.ts';
import { type Author, type Candidate, type Committed, commitBatch } from './commit.ts';

/** What the turns need to know of the agents, and whom they tell. */
export interface TurnHost {
  candidates(): Candidate[];
  author(): Author;
  /** The transaction is committed: acknowledge, dispatch, publish. Must not throw. */
  committed(batch: Batch, result: Committed): void;
  /** The database refuses this piece for what it says, not for its own state: drop whoever sent it. */
  refused(piece: Batch, error: Error): void;
}

/**
 * The orchestrator's heart: everything that agents say and everything that they are given goes through one loop of
 * transactions. While one commits, the next gathers, so a busy farm commits large batches and an idle one answers a
 * single line in about a millisecond. A batch is never lost: while the database is away it is tried again.
 */
export class Turns {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #host: TurnHost;
  readonly #inbox = new Inbox();
  #claiming = false;
  #stopped = false;
  #ring: () => void = () => {};
  #running: Promise<void> | null = null;

  constructor(db: Database, log: Logger, host: TurnHost) {
    this.#db = db;
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

  /** Jobs may be claimable: look in the next turn. */
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
  }

  async #run(): Promise<void> {
    let failures = 0;
    for (;;) {
      while (this.#inbox.empty && !this.#claiming && !this.#stopped) {
        await new Promise<void>((ring) => {
          this.#ring = ring;
        });
      }
      if (this.#stopped && this.#inbox.empty) return;
      const batch = this.#inbox.take();
      const claiming = this.#claiming && !this.#stopped;
      this.#claiming = false;
      for (;;) {
        try {
          await this.#commit(batch, claiming);
          failures = 0;
          break;
        } catch (error) {
          if (isRefusal(error)) {
            await this.#isolate(batch);
            break;
          }
          failures++;
          this.#log.error({ err: error, failures }, 'turn failed');
          if (this.#stopped && failures > 20) return;
          await sleep(Math.min(100 * 2 ** failures, 5_000) * (0.5 + Math.random() / 2));
        }
      }
    }
  }

  async #commit(batch: Batch, claiming: boolean): Promise<void> {
    const candidates = claiming ? this.#host.candidates() : [];
    const author = this.#host.author();
    const work = async (sql: Transaction) => await commitBatch(sql, batch, candidates, author);
    const result = await this.#db.begin(work);
    this.#host.committed(batch, result);
  }

  /** One piece of the batch is at fault: commits the others one by one and drops the one that the database refuses. */
  async #isolate(batch: Batch): Promise<void> {
    for (const piece of pieces(batch)) {
      try {
        await this.#commit(piece, false);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        this.#host.refused(piece, error);
      }
    }
    this.wake();
  }
}

/** Whether the database refused the data itself (SQLSTATE classes 21, 22, 23), so that trying again can't help. */
function isRefusal(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^2[123]/.test(error.code);
}

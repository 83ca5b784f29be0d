import type { LiveMessage } from '@kiln/protocol/live.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { Database } from '@kiln/store/database.ts';
import { framesAfter } from '@kiln/store/frames.ts';
import { firstLine, frameOfLine, type LogStanding, readLogStanding } from '@kiln/store/reads/log-pages.ts';
import type { LiveFrame, LogFeeds, LogListener } from './log-feeds.ts';

/** Where the frames go. */
export interface FrameOutlet {
  readonly open: boolean;
  readonly behind: boolean;
  frame(data: Uint8Array): void;
  message(message: LiveMessage): void;
  drained(): Promise<void>;
}

/** Bytes fetched from the database at once. */
const PAGE_BYTES = 1024 * 1024;

/**
 * Sends one attempt's log to one reader: every frame once, in order, from wherever it can be had. All that is kept is the
 * sequence to send next and the highest one known. A live frame that is the next one goes out at once; whenever there is
 * something between (history, a message the bus lost, a reader that was behind) it is fetched from the database in pages.
 */
export class LogFollower implements LogListener {
  readonly #jobId: string;
  readonly #attempt: number;
  readonly #outlet: FrameOutlet;
  readonly #db: Database;
  readonly #log: Logger;
  readonly #unfollow: () => void;
  readonly #ended: () => void;
  #next = 0;
  #known = 0;
  #standing: LogStanding | null = null;
  /** History is being fetched, or the beginning is not known yet: live frames wait in the database. */
  #fetching = true;
  #stopped = false;

  constructor(
    context: { db: Database; log: Logger; feeds: LogFeeds },
    outlet: FrameOutlet,
    log: { jobId: string; attempt: number },
    ended: () => void,
  ) {
    this.#db = context.db;
    this.#log = context.log;
    this.#outlet = outlet;
    this.#jobId = log.jobId;
    this.#attempt = log.attempt;
    this.#ended = ended;
    this.#unfollow = context.feeds.follow(log.jobId, log.attempt, this);
  }

  /** Finds where to begin and sends what there is. Returns false when there is no such attempt. */
  async start(from: number): Promise<boolean> {
    const standing = await readLogStanding(this.#db, this.#jobId, this.#attempt);
    if (!standing || this.#stopped) return this.#stopped;
    const line = firstLine(from, standing.lines);
    const frame = line > standing.lines ? null : await frameOfLine(this.#db, this.#jobId, standing, line);
    if (this.#stopped) return true;
    this.#next = frame ? frame.sequence : standing.lastSequence + 1;
    this.#outlet.message({
      type: 'log.start',
      jobId: this.#jobId,
      attempt: this.#attempt,
      firstLine: frame ? frame.firstLine : standing.lines + 1,
      total: standing.lines,
    });
    this.#fetching = false;
    this.standing(standing);
    return true;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unfollow();
    this.#ended();
  }

  frames(frames: readonly LiveFrame[]): void {
    for (const { sequence, data } of frames) {
      this.#known = Math.max(this.#known, sequence);
      if (this.#fetching || sequence !== this.#next || this.#outlet.behind) continue;
      this.#outlet.frame(data);
      this.#next = sequence + 1;
    }
    this.#advance();
  }

  standing(standing: LogStanding | null): void {
    // Until it is known where to begin there is nothing to tell.
    if (this.#stopped || this.#next === 0) return;
    if (!standing) {
      const message = 'the job of this log was removed';
      this.#outlet.message({ type: 'error', code: 'gone', message });
      this.stop();
      return;
    }
    this.#standing = standing;
    this.#known = Math.max(this.#known, standing.lastSequence);
    this.#advance();
  }

  #advance(): void {
    if (this.#stopped || this.#fetching) return;
    if (this.#next <= this.#known) {
      this.#fetching = true;
      void this.#fetch();
    } else if (this.#standing?.finished && this.#next > this.#standing.lastSequence) {
      const { lines } = this.#standing;
      this.#outlet.message({ type: 'log.end', jobId: this.#jobId, attempt: this.#attempt, lines });
      this.stop();
    }
  }

  /** Sends from the database until nothing is known to be missing. Never rejects: what fails is tried at the next look. */
  async #fetch(): Promise<void> {
    let failed = false;
    try {
      while (this.#next <= this.#known) {
        await this.#outlet.drained();
        if (this.#stopped || !this.#outlet.open) {
          failed = true;
          return;
        }
        const page = await framesAfter(this.#db, this.#jobId, this.#attempt, this.#next - 1, PAGE_BYTES);
        if (this.#stopped) return;
        for (const frame of page) {
          this.#outlet.frame(frame.data);
          this.#next = frame.sequence + 1;
        }
        if (page.length === 0) {
          failed = true;
          return;
        }
      }
    } catch (error) {
      failed = true;
      this.#log.debug({ err: error, jobId: this.#jobId }, 'a part of a log could not be read, trying again');
    } finally {
      this.#fetching = false;
      if (!failed) this.#advance();
    }
  }
}

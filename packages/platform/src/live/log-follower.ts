import type { LiveMessage } from '@kiln/protocol/live.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { LiveFrame } from '@kiln/store/bus/log-copy.ts';
import { firstLine, LogExpired, type LogStanding, type LogStore } from '@kiln/store/logs/log-store.ts';
import type { LogFeeds, LogListener } from './log-feeds.ts';

/** Where the frames go. */
export interface FrameQueue {
  readonly open: boolean;
  readonly behind: boolean;
  frame(data: Uint8Array): void;
  message(message: LiveMessage): void;
  drained(): Promise<void>;
}

/** Bytes fetched at once. */
const PAGE_BYTES = 1024 * 1024;

/**
 * Sends one attempt's log to one reader: every line once, in order, from wherever it can be had. All that is kept is the
 * line to send next and the highest one known. A live frame that begins with the next line goes out at once; whenever there
 * is something between (history, a message the bus lost, a reader that was behind) it is read from the store in pages.
 */
export class LogFollower implements LogListener {
  readonly #jobId: string;
  readonly #attempt: number;
  readonly #queue: FrameQueue;
  readonly #logs: LogStore;
  readonly #log: Logger;
  readonly #unfollow: () => void;
  readonly #ended: () => void;
  #next = 0;
  #known = 0;
  #standing: LogStanding | null = null;
  /** History is being fetched, or the beginning is not known yet: live frames wait in the store. */
  #fetching = true;
  /** Where the reader wants to begin, when the database was away as it asked. */
  #waitingFrom: number | null = null;
  #stopped = false;

  constructor(
    context: { logs: LogStore; log: Logger; feeds: LogFeeds },
    queue: FrameQueue,
    log: { jobId: string; attempt: number },
    ended: () => void,
  ) {
    this.#logs = context.logs;
    this.#log = context.log;
    this.#queue = queue;
    this.#jobId = log.jobId;
    this.#attempt = log.attempt;
    this.#ended = ended;
    this.#unfollow = context.feeds.follow(log.jobId, log.attempt, this);
  }

  /**
   * Finds where to begin and sends what there is; while the database is away it begins later. Returns false when there is no
   * such attempt.
   */
  async start(from: number): Promise<boolean> {
    let standing: LogStanding | null;
    try {
      standing = await this.#logs.standing(this.#jobId, this.#attempt);
    } catch (err) {
      this.#log.debug({ err, jobId: this.#jobId }, 'a log could not be followed yet');
      this.#waitingFrom = from;
      return true;
    }
    if (!standing || this.#stopped) return this.#stopped;
    this.#begin(standing, from);
    return true;
  }

  #begin(standing: LogStanding, from: number): void {
    if (standing.expiredAt) {
      this.#expired(new LogExpired(standing.expiredAt));
      return;
    }
    this.#next = Math.min(firstLine(from, standing.lines), standing.lines + 1);
    this.#queue.message({
      type: 'log.start',
      jobId: this.#jobId,
      attempt: this.#attempt,
      firstLine: this.#next,
      total: standing.lines,
    });
    this.#fetching = false;
    this.standing(standing);
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unfollow();
    this.#ended();
  }

  frames(frames: readonly LiveFrame[]): void {
    for (const { firstLine: first, lines, data } of frames) {
      this.#known = Math.max(this.#known, first + lines - 1);
      if (this.#fetching || first !== this.#next || this.#queue.behind) continue;
      this.#queue.frame(data);
      this.#next = first + lines;
    }
    this.#advance();
  }

  standing(standing: LogStanding | null): void {
    // Until it is known where to begin there is nothing to tell.
    if (this.#stopped || (this.#next === 0 && this.#waitingFrom === null)) return;
    if (!standing) {
      const message = 'the job of this log was removed';
      this.#queue.message({ type: 'error', code: 'gone', message });
      this.stop();
      return;
    }
    if (this.#next === 0) {
      this.#begin(standing, this.#waitingFrom ?? 1);
      return;
    }
    this.#standing = standing;
    this.#known = Math.max(this.#known, standing.lines);
    this.#advance();
  }

  #advance(): void {
    if (this.#stopped || this.#fetching) return;
    if (this.#next <= this.#known) {
      this.#fetching = true;
      void this.#fetch();
    } else if (this.#standing?.finished && this.#next > this.#standing.lines) {
      const { lines } = this.#standing;
      this.#queue.message({ type: 'log.end', jobId: this.#jobId, attempt: this.#attempt, lines });
      this.stop();
    }
  }

  /** Sends from the store until nothing is known to be missing. Never rejects: what fails is tried at the next look. */
  async #fetch(): Promise<void> {
    let failed = false;
    try {
      while (this.#next <= this.#known) {
        await this.#queue.drained();
        if (this.#stopped || !this.#queue.open) {
          failed = true;
          return;
        }
        const page = await this.#logs.framesAfterLine(this.#jobId, this.#attempt, this.#next - 1, PAGE_BYTES);
        if (this.#stopped) return;
        for (const frame of page) {
          this.#queue.frame(frame.data);
          this.#next = frame.firstLine + frame.lines;
        }
        if (page.length === 0) {
          failed = true;
          return;
        }
      }
    } catch (error) {
      failed = true;
      if (error instanceof LogExpired) this.#expired(error);
      else this.#log.debug({ err: error, jobId: this.#jobId }, 'a part of a log could not be read, trying again');
    } finally {
      this.#fetching = false;
      if (!failed) this.#advance();
    }
  }

  #expired(error: LogExpired): void {
    this.#queue.message({ type: 'error', code: 'log_expired', message: error.message });
    this.stop();
  }
}

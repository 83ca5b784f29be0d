import { setTimeout as sleep } from 'node:timers/promises';
import type { LogLine, LogPage } from '@kiln/protocol/api.ts';
import { backoffMs } from '@kiln/service/backoff.ts';
import { BlobMissing, type BlobStore } from '../blobs/blob-store.ts';
import type { Database } from '../database.ts';
import type { StoredFrame } from '../frames.ts';
import { cutFrame } from './cut-frame.ts';
import { frameOfTime, LogMoved, liveFrames } from './live-log.ts';
import { LiveOutlines } from './live-outlines.ts';
import { frameLines } from './log-lines.ts';
import { type LogOutline, OutlineBuilder } from './outline.ts';
import { readFrame } from './read-frame.ts';
import { lineAtTime, SealedLogs } from './sealed-log.ts';
import { LogExpired, type LogStanding, readLogStanding, readLogStandings } from './standing.ts';

export { LogExpired, type LogKept, type LogStanding } from './standing.ts';

/** A page's text is cut after the line that passes this many characters. */
const PAGE_TEXT = 4 * 1024 * 1024;
/** How often a log that is not where it was is looked for again, and the pause before each, in milliseconds. */
const TRIES = 4;
const BACKOFF = { firstMs: 50, capMs: 400, jitter: 0 };

/**
 * The one way to read logs. Where a log is (frames in the database, a blob, a smaller blob) makes no difference to who
 * reads it, and neither does a move in the middle of reading: it goes on there with the next line. A log that was
 * removed throws LogExpired.
 */
export class LogStore {
  readonly #db: Database;
  readonly #sealed: SealedLogs;
  readonly #outlines: LiveOutlines;

  constructor({ db, blobs }: { db: Database; blobs: BlobStore }) {
    this.#db = db;
    this.#sealed = new SealedLogs(blobs);
    this.#outlines = new LiveOutlines(db);
  }

  /** How the log of an attempt stands; of the job's latest one when `attempt` is null. Null when there is no such attempt. */
  async standing(jobId: string, attempt: number | null): Promise<LogStanding | null> {
    return await readLogStanding(this.#db, jobId, attempt);
  }

  /** How the logs of these attempts stand, by `<jobId>.<attempt>`; one that is gone is missing. */
  async standings(attempts: readonly { jobId: string; attempt: number }[]): Promise<Map<string, LogStanding>> {
    return await readLogStandings(this.#db, attempts);
  }

  /** Up to `limit` lines from line `from` on; a negative `from` counts from the end (-100: the last hundred). */
  async page(jobId: string, standing: LogStanding, from: number, limit: number): Promise<LogPage> {
    const first = firstLine(from, standing.lines);
    const last = Math.min(first + limit - 1, standing.lines);
    const lines: LogLine[] = [];
    let text = 0;
    for await (const frame of this.#frames(jobId, standing, first, last)) {
      for (const line of await frameLines(frame, first, last)) {
        if (text > PAGE_TEXT) break;
        text += line.text.length;
        lines.push(line);
      }
      if (text > PAGE_TEXT) break;
    }
    const { attempt, finished, lines: total } = standing;
    return { jobId, attempt, lines, total, complete: finished };
  }

  /** The frames from the one that holds a line to the last one that `standing` knows, fetched as they are consumed. */
  async *framesFromLine(jobId: string, standing: LogStanding, line: number): AsyncGenerator<StoredFrame> {
    yield* this.#frames(jobId, standing, line, standing.lines);
  }

  /**
   * Frames with the lines after `line`, until about `maxBytes` are together; at least one if there is one. The first is
   * cut so that it begins with the line after, wherever the log is kept now.
   */
  async framesAfterLine(jobId: string, attempt: number, line: number, maxBytes = 1_048_576): Promise<StoredFrame[]> {
    const standing = await this.standing(jobId, attempt);
    const frames: StoredFrame[] = [];
    if (!standing) return frames;
    let bytes = 0;
    for await (const frame of this.#frames(jobId, standing, line + 1, standing.lines, maxBytes)) {
      if (frames.length > 0 && bytes + frame.data.length > maxBytes) break;
      frames.push(frames.length === 0 ? await cutFrame(frame, line + 1) : frame);
      bytes += frame.data.length;
      if (bytes >= maxBytes) break;
    }
    return frames;
  }

  /** The first line at or after a time in milliseconds since the epoch; one more than the last when there is none. */
  async lineOfTime(jobId: string, standing: LogStanding, ms: number): Promise<number> {
    return await this.#wherever(jobId, standing, async (now) => {
      const line = await this.#frameOfTime(jobId, now, ms);
      if (line === null) return standing.lines + 1;
      for await (const frame of this.#framesNow(jobId, now, line, line)) return lineOfTimeIn(frame, ms);
      return standing.lines + 1;
    });
  }

  /** What there is to see in a log. Of a log under way only headers are read, each once. */
  async outline(jobId: string, standing: LogStanding): Promise<LogOutline> {
    return await this.#wherever(jobId, standing, async (now) => {
      if (now.blob) return (await this.#sealed.index(now.blob)).outline;
      if (now.lines === 0) return new OutlineBuilder().outline();
      return await this.#outlines.outline(jobId, now);
    });
  }

  /** The frames that hold lines `from` to `to`. When the log moves meanwhile the next frame is cut, so that no line comes twice. */
  async *#frames(
    jobId: string,
    standing: LogStanding,
    from: number,
    to: number,
    chunk?: number,
  ): AsyncGenerator<StoredFrame> {
    let next = Math.max(1, from);
    let now = standing;
    let moved = false;
    for (let tries = 0; next <= to; tries++) {
      try {
        for await (const frame of this.#framesNow(jobId, now, next, to, chunk)) {
          const part = moved ? await cutFrame(frame, next) : frame;
          yield part;
          next = part.firstLine + part.lines;
          tries = 0;
          if (next > to) return;
        }
        throw new LogMoved();
      } catch (error) {
        const again = await this.#afterMove(error, jobId, now, tries);
        if (!again) return;
        now = again;
        moved = true;
      }
    }
  }

  #framesNow(
    jobId: string,
    standing: LogStanding,
    from: number,
    to: number,
    chunk?: number,
  ): AsyncGenerator<StoredFrame> {
    if (standing.kept === 'expired') throw new LogExpired(standing.expiredAt ?? new Date(0));
    return standing.blob
      ? this.#sealed.frames(standing.blob, from, to, chunk)
      : liveFrames(this.#db, jobId, standing, from, chunk);
  }

  /** Does `work`, and again when the log moved meanwhile. */
  async #wherever<T>(jobId: string, standing: LogStanding, work: (now: LogStanding) => Promise<T>): Promise<T> {
    let now = standing;
    for (let tries = 0; ; tries++) {
      if (now.kept === 'expired') throw new LogExpired(now.expiredAt ?? new Date(0));
      try {
        return await work(now);
      } catch (error) {
        const again = await this.#afterMove(error, jobId, now, tries);
        if (!again) throw error;
        now = again;
      }
    }
  }

  /** Where a log is now that was not where it should be; null when its job was removed. Throws what is not about a move. */
  async #afterMove(error: unknown, jobId: string, before: LogStanding, tries: number): Promise<LogStanding | null> {
    if (!(error instanceof LogMoved || error instanceof BlobMissing)) throw error;
    const now = await this.standing(jobId, before.attempt);
    if (!now) return null;
    if (tries >= TRIES) {
      const reason = error instanceof BlobMissing ? error.message : 'some of its frames are missing';
      throw new Error(`the log of attempt ${before.attempt} of job ${jobId} can't be read: ${reason}`);
    }
    if (now.blob?.key === before.blob?.key) await sleep(backoffMs(tries + 1, BACKOFF));
    return now;
  }

  /** The first line of the frame that holds the first line at or after a time, or null. */
  async #frameOfTime(jobId: string, standing: LogStanding, ms: number): Promise<number | null> {
    if (standing.blob) return lineAtTime(await this.#sealed.index(standing.blob), ms);
    return standing.lines === 0 ? null : await frameOfTime(this.#db, jobId, standing, new Date(ms));
  }
}

/** The number of the first line that `from` names in a log of `total` lines. */
export function firstLine(from: number, total: number): number {
  return from < 0 ? Math.max(1, total + from + 1) : Math.max(1, from);
}

/** The first line of a frame at or after a time; the frame's first one when that can't be read. */
function lineOfTimeIn(frame: StoredFrame, ms: number): number {
  let line = frame.firstLine;
  try {
    for (const [count, time] of readFrame(frame.data).header.runs) {
      if (time >= ms) return line;
      line += count;
    }
  } catch {
    return frame.firstLine;
  }
  return line;
}

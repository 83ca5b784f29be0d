import type { NewFrame } from '@kiln/store/frames.ts';
import type { Finish } from '@kiln/store/runs/finish.ts';
import type { ProgressReport } from '@kiln/store/runs/progress.ts';
import { FrameQueue } from './frame-queue.ts';

/** How much of a loud log one batch takes: a transaction of a few milliseconds, so that nobody else waits long. */
const MAX_FRAMES = 64;
const MAX_BYTES = 2 * 1024 * 1024;

/** From here on a log is no longer a line or two. */
const LOUD_BYTES = 65_536;

/** What one transaction commits. */
export interface Batch {
  frames: NewFrame[];
  reports: ProgressReport[];
  finishes: Finish[];
}

/**
 * What agents said since the last batch. Bounded by what an attempt may have unacknowledged, of its progress the newest and of
 * its last words the first is kept.
 */
export class Inbox {
  readonly #frames = new FrameQueue();
  #reports = new Map<string, ProgressReport>();
  #finishes = new Map<string, Finish>();

  get empty(): boolean {
    return this.#frames.empty && this.#reports.size === 0 && this.#finishes.size === 0;
  }

  /** Whether something here should not wait for company: a last word, or a loud log. */
  get urgent(): boolean {
    return this.#finishes.size > 0 || this.#frames.bytes >= LOUD_BYTES;
  }

  frame(frame: NewFrame): void {
    this.#frames.push(frame);
  }

  report(report: ProgressReport): void {
    const earlier = this.#reports.get(report.jobId);
    this.#reports.set(report.jobId, {
      ...report,
      building: report.building || (earlier?.fence === report.fence && earlier.building),
    });
  }

  /** Of several last words on an attempt the first one stands. */
  finish(finish: Finish): void {
    const key = `${finish.jobId}.${finish.fence}`;
    if (!this.#finishes.has(key)) this.#finishes.set(key, finish);
  }

  /** Drops what was said about a job: a frame of its log was refused, and what follows would leave a hole. */
  forget(jobId: string): void {
    this.#frames.forget(jobId);
    this.#reports.delete(jobId);
    for (const [key, finish] of this.#finishes) if (finish.jobId === jobId) this.#finishes.delete(key);
  }

  /** Takes the next batch. An attempt's finish waits until all of its frames are in this batch or an earlier one. */
  take(): Batch {
    const frames = this.#frames.take(MAX_FRAMES, MAX_BYTES);
    const finishes: Finish[] = [];
    for (const [key, finish] of this.#finishes) {
      if (this.#frames.has(finish.jobId)) continue;
      finishes.push(finish);
      this.#finishes.delete(key);
    }
    const reports = [...this.#reports.values()];
    this.#reports.clear();
    return { frames, reports, finishes };
  }
}

/** The same work in the smallest pieces, for finding the one that a database refuses. Each is about one job. */
export function pieces(batch: Batch): Batch[] {
  return [
    ...batch.frames.map((frame) => ({ frames: [frame], reports: [], finishes: [] })),
    ...batch.reports.map((report) => ({ frames: [], reports: [report], finishes: [] })),
    ...batch.finishes.map((finish) => ({ frames: [], reports: [], finishes: [finish] })),
  ];
}

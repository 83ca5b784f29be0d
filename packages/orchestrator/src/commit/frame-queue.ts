import type { NewFrame } from '@kiln/store/frames.ts';

/**
 * Frames that wait to be committed. Each job has a line of its own and they take turns, so that however much one job
 * says, another's single line waits for one frame of each.
 */
export class FrameQueue {
  readonly #jobs = new Map<string, NewFrame[]>();
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#jobs.size === 0;
  }

  /** Whether frames of this job wait. */
  has(jobId: string): boolean {
    return this.#jobs.has(jobId);
  }

  push(frame: NewFrame): void {
    this.#bytes += frame.data.length;
    const waiting = this.#jobs.get(frame.jobId);
    if (waiting) waiting.push(frame);
    else this.#jobs.set(frame.jobId, [frame]);
  }

  forget(jobId: string): void {
    for (const frame of this.#jobs.get(jobId) ?? []) this.#bytes -= frame.data.length;
    this.#jobs.delete(jobId);
  }

  /** Takes up to so many frames and bytes (but at least one frame), each job's in order. */
  take(maxFrames: number, maxBytes: number): NewFrame[] {
    const taken: NewFrame[] = [];
    let bytes = 0;
    for (;;) {
      const [next] = this.#jobs;
      const frame = next?.[1][0];
      if (!next || !frame) return taken;
      if (taken.length === maxFrames || (taken.length > 0 && bytes + frame.data.length > maxBytes)) return taken;
      const [jobId, waiting] = next;
      taken.push(frame);
      bytes += frame.data.length;
      this.#bytes -= frame.data.length;
      waiting.shift();
      this.#jobs.delete(jobId);
      if (waiting.length > 0) this.#jobs.set(jobId, waiting);
    }
  }
}

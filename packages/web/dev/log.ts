import { zstdCompressSync } from 'node:zlib';
import type { LogLine } from '@kiln/protocol/api.ts';
import { encodeFrame, type LineRun } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS, type LogLevel } from '@kiln/protocol/states.ts';

/** What a made-up line says, without its number and time. */
export interface Said {
  text: string;
  level?: LogLevel;
  component?: 'kiln' | 'output';
  phase?: number;
  step?: number;
}

const FRAME_LINES = 2000;

/** A log of the fixture: a beginning that is computed when it is asked for, however long, and lines added one by one. */
export class FixtureLog {
  readonly jobId: string;
  readonly attempt: number;
  ended: boolean;
  /** Why there is nothing of it any more; null while it is there. */
  removed: string | null = null;
  readonly #base: number;
  readonly #say: (line: number) => Said;
  readonly #startedAt: number;
  readonly #lineMs: number;
  readonly #added: (Said & { time: number })[] = [];

  constructor(options: {
    jobId: string;
    attempt: number;
    lines: number;
    say: (line: number) => Said;
    startedAt: number;
    /** Time between two lines. */
    lineMs?: number;
    ended: boolean;
  }) {
    this.jobId = options.jobId;
    this.attempt = options.attempt;
    this.ended = options.ended;
    this.#base = options.lines;
    this.#say = options.say;
    this.#startedAt = options.startedAt;
    this.#lineMs = options.lineMs ?? 12;
  }

  get total(): number {
    return this.#base + this.#added.length;
  }

  add(said: Said): void {
    this.#added.push({ ...said, time: Date.now() });
  }

  /** What a line says, and when, in milliseconds since the epoch. */
  said(line: number): Said & { time: number } {
    const added = this.#added[line - this.#base - 1];
    return added ?? { ...this.#say(line), time: Math.floor(this.#startedAt + line * this.#lineMs) };
  }

  line(line: number): LogLine {
    const said = this.said(line);
    return {
      line,
      time: new Date(said.time).toISOString(),
      level: said.level ?? 'INFO',
      component: said.component ?? 'output',
      phase: said.phase ?? -1,
      step: said.step ?? -1,
      text: said.text,
    };
  }

  lines(from: number, limit: number): LogLine[] {
    const first = from < 0 ? Math.max(1, this.total + 1 + from) : Math.max(1, from);
    const count = Math.max(0, Math.min(limit, this.total - first + 1));
    return Array.from({ length: count }, (_, n) => this.line(first + n));
  }

  /** The frames that hold lines `from` to the end, as the agent would have cut them. */
  *frames(from: number): Generator<Uint8Array> {
    for (let first = from; first <= this.total; first += FRAME_LINES) yield this.frame(this.lines(first, FRAME_LINES));
  }

  frame(lines: LogLine[]): Uint8Array {
    const [head] = lines;
    if (!head) throw new Error('a frame has at least one line');
    const text = lines.map((line) => `${line.text}\n`).join('');
    const runs = lines.map(
      (line): LineRun => [
        1,
        Date.parse(line.time),
        LOG_LEVELS.indexOf(line.level as LogLevel),
        line.component,
        line.phase,
        line.step,
      ],
    );
    const { jobId: job, attempt } = this;
    const bytes = Buffer.byteLength(text);
    return encodeFrame(
      { v: 1, job, attempt, sequence: head.line, firstLine: head.line, lines: lines.length, bytes, runs },
      zstdCompressSync(text),
    );
  }
}

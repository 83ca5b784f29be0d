import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { encodeFrame, type LineRun } from '@kiln/protocol/frame.ts';
import type { NewFrame } from '../frames.ts';
import type { PostedLine } from './posted-lines.ts';

const compress = promisify(zstdCompress);
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };

/** A frame is cut when it holds this much text in bytes, or so many stretches of lines that differ: as an agent's is. */
const FRAME_TEXT = 262_144;
const FRAME_RUNS = 4096;

/** Where a log stands, and whose it is. */
export interface LogEnd {
  jobId: string;
  attempt: number;
  fence: number;
  lastSequence: number;
  lines: number;
}

/** Frames of these lines, to be stored behind what the log has. Times are the builder's, and may go back. */
export async function framesOf(lines: readonly PostedLine[], end: LogEnd): Promise<NewFrame[]> {
  const frames: NewFrame[] = [];
  let firstLine = end.lines + 1;
  for (const part of cut(lines)) {
    const frame = await frameOf(part, end, end.lastSequence + frames.length + 1, firstLine);
    firstLine += frame.lines;
    frames.push(frame);
  }
  return frames;
}

interface Draft {
  lines: PostedLine[];
  runs: LineRun[];
}

function* cut(lines: readonly PostedLine[]): Generator<Draft> {
  let draft: Draft = { lines: [], runs: [] };
  let bytes = 0;
  for (const line of lines) {
    if (bytes > 0 && (bytes + line.text.length > FRAME_TEXT || draft.runs.length >= FRAME_RUNS)) {
      yield draft;
      draft = { lines: [], runs: [] };
      bytes = 0;
    }
    bytes += line.text.length;
    draft.lines.push(line);
    addRun(draft.runs, line);
  }
  if (bytes > 0) yield draft;
}

function addRun(runs: LineRun[], { time, level, component, phase, step, context }: PostedLine): void {
  const run: LineRun = [1, time, level, component, phase, step];
  if (context !== undefined) run.push(context);
  const last = runs.at(-1);
  if (last && last.length === run.length && last.every((value, index) => index === 0 || value === run[index]))
    last[0] += 1;
  else runs.push(run);
}

async function frameOf({ lines, runs }: Draft, end: LogEnd, sequence: number, firstLine: number): Promise<NewFrame> {
  const { jobId, attempt, fence } = end;
  const text = Buffer.concat(lines.map((line) => line.text));
  const head = {
    v: 1 as const,
    job: jobId,
    attempt,
    sequence,
    firstLine,
    lines: lines.length,
    bytes: text.length,
    runs,
  };
  const times = runs.map(([, time]) => time);
  return {
    jobId,
    attempt,
    fence,
    sequence,
    firstLine,
    lines: lines.length,
    bytes: text.length,
    firstTime: times.reduce((least, time) => Math.min(least, time)),
    lastTime: times.reduce((most, time) => Math.max(most, time)),
    data: encodeFrame(head, await compress(text, OPTIONS)),
  };
}

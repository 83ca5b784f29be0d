import { type FrameHeader, type LineRun, MOST_FRAME_TEXT } from '@kiln/protocol/frame.ts';
import type { StoredFrame } from '../frames.ts';
import { free } from './free.ts';
import { inflateText, readFrame } from './read-frame.ts';

/** A frame taken apart. */
export interface OpenFrame {
  header: FrameHeader;
  text: Buffer;
}

/** A log that can't be put together from its frames: it stays as it is. */
export class UnsealableLog extends Error {
  override name = 'UnsealableLog';
}

/** Merged frames hold no more runs than this, so that reading a few lines of one stays cheap. */
const MOST_RUNS = 16_384;
const NEWLINE = 10;

/** Takes frames apart, each checked: that it can be read, and begins with the line after the one before. Throws UnsealableLog. */
export async function* openFrames(frames: AsyncIterable<StoredFrame>): AsyncGenerator<OpenFrame> {
  let line = 1;
  for await (const frame of frames) {
    const { header, text } = await open(frame);
    if (header.firstLine !== line || header.lines !== frame.lines)
      throw new UnsealableLog(`frame ${frame.sequence} begins with line ${header.firstLine}, not with line ${line}`);
    line += header.lines;
    yield { header, text };
  }
}

async function open(frame: StoredFrame): Promise<OpenFrame> {
  try {
    const { header, compressed } = readFrame(frame.data);
    return { header, text: await inflateText(compressed, header.bytes) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnsealableLog(`frame ${frame.sequence} can't be read: ${reason}`);
  }
}

/** Merges small frames into frames of up to 1 MiB of text, numbered anew from 1. The lines and their runs stay the same. */
export async function* packFrames(frames: AsyncIterable<OpenFrame>): AsyncGenerator<OpenFrame> {
  let sequence = 0;
  let waiting: OpenFrame[] = [];
  let bytes = 0;
  let runs = 0;
  for await (const frame of frames) {
    const fits = bytes + frame.text.length <= MOST_FRAME_TEXT && runs + frame.header.runs.length <= MOST_RUNS;
    // A text that has other lines than its header says would move the lines of those after it.
    const whole = isWhole(frame);
    if (waiting.length > 0 && !(fits && whole)) {
      yield merge(waiting, ++sequence);
      waiting = [];
      bytes = 0;
      runs = 0;
    }
    if (!whole) {
      yield merge([frame], ++sequence);
      continue;
    }
    waiting.push(frame);
    bytes += frame.text.length;
    runs += frame.header.runs.length;
  }
  if (waiting.length > 0) yield merge(waiting, ++sequence);
}

function isWhole({ header, text }: OpenFrame): boolean {
  let lines = 0;
  for (let at = text.indexOf(NEWLINE); at !== -1; at = text.indexOf(NEWLINE, at + 1)) lines++;
  return lines === header.lines && text.length === header.bytes && text.at(-1) === NEWLINE;
}

function merge(frames: readonly OpenFrame[], sequence: number): OpenFrame {
  const [first] = frames;
  if (!first) throw new Error('there is nothing to merge');
  if (frames.length === 1) return { text: first.text, header: { ...first.header, sequence } };
  const text = Buffer.concat(frames.map((frame) => frame.text));
  for (const frame of frames) free(frame.text);
  const lines = frames.reduce((sum, frame) => sum + frame.header.lines, 0);
  const runs: LineRun[] = [];
  for (const run of frames.flatMap((frame) => frame.header.runs)) {
    const last = runs.at(-1);
    if (last?.length === run.length && run.every((value, index) => index === 0 || value === last[index]))
      last[0] += run[0];
    else runs.push([...run]);
  }
  return { text, header: { ...first.header, sequence, lines, bytes: text.length, runs } };
}

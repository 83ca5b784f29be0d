import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { encodeFrame, type LineRun } from '@kiln/protocol/frame.ts';
import type { StoredFrame } from '../frames.ts';
import { inflateText, readFrame } from './read-frame.ts';

const compress = promisify(zstdCompress);
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };
const NEWLINE = 10;

/**
 * The frame without its lines before `line`, which it holds; the sequence stays. Whoever reads by lines can so go on in
 * the middle of a frame. One that can't be read comes back as it is.
 */
export async function cutFrame(frame: StoredFrame, line: number): Promise<StoredFrame> {
  const drop = line - frame.firstLine;
  if (drop <= 0) return frame;
  try {
    const { header, compressed } = readFrame(frame.data);
    const text = await inflateText(compressed, header.bytes);
    let start = 0;
    for (let n = 0; n < drop; n++) start = text.indexOf(NEWLINE, start) + 1;
    const rest = text.subarray(start);
    const lines = header.lines - drop;
    const head = { ...header, firstLine: line, lines, bytes: rest.length, runs: cutRuns(header.runs, drop) };
    return { ...frame, firstLine: line, lines, data: encodeFrame(head, await compress(rest, OPTIONS)) };
  } catch {
    return frame;
  }
}

function cutRuns(runs: readonly LineRun[], drop: number): LineRun[] {
  let left = drop;
  const kept: LineRun[] = [];
  for (const run of runs) {
    const [count, ...rest] = run;
    if (count > left) kept.push([count - left, ...rest]);
    left = Math.max(0, left - count);
  }
  return kept;
}

import type { LogContextLine, LogHit } from '@kiln/protocol/log-api.ts';
import type { StoredFrame } from '@kiln/store/frames.ts';
import type { LogFilter } from './filter.ts';
import type { SearchPattern } from './pattern.ts';

/** A piece of a search, for one worker: frames that follow each other. */
export interface SearchTask {
  frames: readonly { firstLine: number; lines: number; bytes: number }[];
  /** The bytes of the frames, one after the other. The buffer is given away to the worker. */
  data: Uint8Array<ArrayBuffer>;
  pattern: SearchPattern;
  filter: LogFilter;
  /** Only these lines may be hits; others are context. */
  firstLine: number;
  lastLine: number;
  /** The most hits that are wanted with their text. */
  most: number;
  /** Lines around a hit. */
  context: number;
}

export interface TaskResult {
  /** How many lines match, also of those that are not in `hits`. */
  count: number;
  hits: LogHit[];
  /** The first and the last lines of the piece, as many as the context is: for hits of the pieces beside it. */
  head: LogContextLine[];
  tail: LogContextLine[];
}

/** What the frames of a task are, put together for a worker. */
export function packFrames(frames: readonly StoredFrame[]): Pick<SearchTask, 'frames' | 'data'> {
  const data = new Uint8Array(frames.reduce((sum, frame) => sum + frame.data.length, 0));
  let at = 0;
  for (const frame of frames) {
    data.set(frame.data, at);
    at += frame.data.length;
  }
  return {
    data,
    frames: frames.map(({ firstLine, lines, data: { length } }) => ({ firstLine, lines, bytes: length })),
  };
}

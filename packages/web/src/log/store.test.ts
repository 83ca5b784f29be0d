import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { LogPage } from '@kiln/protocol/api.ts';
import { encodeFrame, type LineRun } from '@kiln/protocol/frame.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ReadFrame, readFrame } from './frame.ts';
import { LogStore } from './store.ts';

const job = '11111111-1111-4111-8111-111111111111';
const textOf = (line: number) => `line ${line}`;

function frameOf(firstLine: number, lines: number): ReadFrame {
  const text = Array.from({ length: lines }, (_, n) => `${textOf(firstLine + n)}\n`).join('');
  const run: LineRun = [lines, 1_700_000_000_000, 1, 'output', 0, 0];
  const head = { v: 1, job, attempt: 1, sequence: 1, firstLine, lines, bytes: text.length, runs: [run] } as const;
  return readFrame(encodeFrame({ ...head, runs: [run] }, zstdCompressSync(text)));
}

function pageOf(from: number, limit: number, total: number): LogPage {
  const lines = Array.from({ length: Math.min(limit, total - from + 1) }, (_, n) => ({
    line: from + n,
    time: '2026-01-01T00:00:00.000Z',
    level: 'INFO',
    component: 'output',
    phase: 0,
    step: 0,
    text: textOf(from + n),
  }));
  return { jobId: job, attempt: 1, lines, total, complete: true };
}

function storeOf(total: number, options: { slow?: boolean; failFirst?: boolean } = {}) {
  const asked: number[] = [];
  let fails = options.failFirst === true;
  const store = new LogStore({
    fetch: async (from, limit) => {
      asked.push(from);
      if (fails) {
        fails = false;
        throw new Error('the farm cannot be reached');
      }
      return pageOf(from, limit, total);
    },
    inflate: (compressed) => {
      const text = zstdDecompressSync(compressed).toString();
      return options.slow ? new Promise((resolve) => setTimeout(() => resolve(text), 5)) : text;
    },
    schedule: (callback) => void setTimeout(callback, 0),
  });
  return { store, asked };
}

/** Lets everything that was asked for come. */
const settled = async () => await vi.advanceTimersByTimeAsync(1000);

describe('the lines of a log', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('takes live frames, also when some of their lines came before', () => {
    const { store } = storeOf(0);
    store.addFrame(frameOf(1, 10));
    store.addFrame(frameOf(6, 10));
    store.addFrame(frameOf(16, 1));
    expect([store.total, store.shown]).toEqual([16, 16]);
    expect(Array.from({ length: 16 }, (_, n) => store.row(n + 1)?.text)).toEqual(
      Array.from({ length: 16 }, (_, n) => textOf(n + 1)),
    );
  });

  it('fetches what nobody sent, a page at a time, and each line once', async () => {
    const { store, asked } = storeOf(5000);
    store.addFrame(frameOf(4901, 100));
    store.want([{ first: 4880, last: 4990 }]);
    await settled();
    expect(asked).toEqual([4501]);
    expect(store.row(4880)?.text).toBe(textOf(4880));
    expect(store.row(4901)?.text).toBe(textOf(4901));
    store.want([{ first: 1, last: 40 }]);
    await settled();
    expect(asked).toEqual([4501, 1]);
  });

  it('shows the newest lines first when frames come faster than they can be unpacked', async () => {
    const { store } = storeOf(0, { slow: true });
    for (let n = 0; n < 50; n += 1) store.addFrame(frameOf(n * 100 + 1, 100));
    expect([store.total, store.shown]).toEqual([5000, 0]);
    await settled();
    expect(store.shown).toBe(5000);
    expect(store.row(5000)?.text).toBe(textOf(5000));
    expect(store.row(2500)).toBeNull();
    store.want([{ first: 2500, last: 2510 }]);
    await settled();
    expect(store.row(2500)?.text).toBe(textOf(2500));
  });

  it('fetches a line that stands alone without its page', async () => {
    const { store, asked } = storeOf(5000);
    store.noteTotal(5000, true);
    store.want([
      { first: 1200, last: 1200 },
      { first: 4010, last: 4011 },
    ]);
    await settled();
    expect(asked).toEqual([1200, 4010]);
    expect([store.row(1200)?.text, store.row(4011)?.text]).toEqual([textOf(1200), textOf(4011)]);
  });

  it('says why lines are missing, and gets them on the next try', async () => {
    const { store } = storeOf(100, { failFirst: true });
    store.noteTotal(100, true);
    store.want([{ first: 1, last: 40 }]);
    await settled();
    expect(store.error?.message).toBe('the farm cannot be reached');
    store.retry();
    await settled();
    expect(store.error).toBeNull();
    expect(store.row(7)?.text).toBe(textOf(7));
  });

  it('keeps no more than it needs of a long log', async () => {
    const { store } = storeOf(1_000_000);
    store.noteTotal(1_000_000, true);
    for (let line = 1; line < 400_000; line += 500) {
      store.want([{ first: line, last: line + 60 }]);
      await vi.advanceTimersByTimeAsync(0);
    }
    const there = Array.from({ length: 800 }, (_, n) => store.row(n * 500 + 1)).filter((row) => row !== null);
    expect(store.error).toBeNull();
    expect(there.length).toBeGreaterThan(300);
    expect(there.length).toBeLessThan(560);
  });
});

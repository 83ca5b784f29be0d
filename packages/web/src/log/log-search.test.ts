import type { LogSearchMessage } from '@kiln/protocol/log-api.ts';
import { describe, expect, it } from 'vitest';
import { hitFrom, LogSearch } from './log-search.ts';

const query = { text: 'x', regex: false, matchCase: false };

function hit(line: number): LogSearchMessage {
  const where = { level: 'ERROR', component: 'output', phase: 0, step: 0 };
  const time = '2026-01-01T00:00:00.000Z';
  return { type: 'hit', line, time, ...where, text: `x ${line}`, ranges: [[0, 1]], before: [], after: [] };
}

/** A farm whose log has hits on these lines and sends at most `limit` at once. */
function farmOf(hits: number[], lines: () => number, limit = 100) {
  const asked: number[] = [];
  return {
    asked,
    async *search(_: unknown, from: number): AsyncGenerator<LogSearchMessage> {
      asked.push(from);
      const found = hits.filter((line) => line >= from && line <= lines());
      for (const line of found.slice(0, limit)) yield hit(line);
      yield { type: 'progress', lines: Math.floor(lines() / 2), total: lines(), hits: 0 };
      yield { type: 'end', hits: found.length, lines: lines(), complete: false };
    },
    schedule: queueMicrotask,
  };
}

describe('a search', () => {
  it('has the hits in order, goes on with those that were not sent, then with lines that came since', async () => {
    let lines = 60;
    const farm = farmOf([3, 9, 27, 50, 90], () => lines, 3);
    const search = new LogSearch(query, farm);
    await search.run();
    expect([search.lines, search.count, search.hasMore]).toEqual([[3, 9, 27], 4, true]);
    await search.run();
    expect([search.lines, search.count, search.hasMore]).toEqual([[3, 9, 27, 50], 4, false]);
    lines = 100;
    await search.run();
    expect([search.lines, search.looked, farm.asked]).toEqual([[3, 9, 27, 50, 90], 100, [1, 28, 61]]);
    expect(search.hit(27)?.row.text).toBe('x 27');
  });

  it('says what was wrong with it, and takes nothing after it was stopped', async () => {
    const refused = new LogSearch(query, {
      ...farmOf([], () => 0),
      // biome-ignore lint/correctness/useYield: it fails before it has anything
      async *search() {
        throw new Error('the expression ends within a group');
      },
    });
    await refused.run();
    expect([refused.error?.message, refused.running]).toEqual(['the expression ends within a group', false]);
    const stopped = new LogSearch(
      query,
      farmOf([1, 2], () => 10),
    );
    const run = stopped.run();
    stopped.stop();
    await run;
    expect(stopped.lines).toEqual([]);
  });

  it('knows which hit is next', () => {
    expect([1, 3, 4, 51].map((line) => hitFrom([3, 9, 50], line))).toEqual([0, 0, 1, 3]);
  });
});

import { describe, expect, it } from 'vitest';
import { parsePlace } from './goto.ts';

const start = new Date(2026, 4, 7, 23, 58, 30).getTime();

describe('where to go', () => {
  it.each([
    ['1234', { line: 1234 }],
    ['L1,234', { line: 1234 }],
    ['#L7', { line: 7 }],
    ['+90', { time: start + 90_000 }],
    ['+1:30', { time: start + 90_000 }],
    ['+1:00:00.5', { time: start + 3_600_500 }],
    ['+1h 5m', { time: start + 3_900_000 }],
    ['23:59:10', { time: new Date(2026, 4, 7, 23, 59, 10).getTime() }],
    ['23:58', { time: new Date(2026, 4, 7, 23, 58).getTime() }],
    ['00:10', { time: new Date(2026, 4, 8, 0, 10).getTime() }],
  ])('reads %s', (text, place) => expect(parsePlace(text, start)).toEqual(place));

  it.each(['', '0', 'x', '25:00', '12:61', '+', '-5', '12:3'])('does not guess at %j', (text) =>
    expect(parsePlace(text, start)).toBeNull(),
  );
});

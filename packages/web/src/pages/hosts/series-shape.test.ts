import { describe, expect, it } from 'vitest';
import { linePath, nearestPoint, type SeriesPoint, scaleOf, usualGap } from './series-shape.ts';

const points: SeriesPoint[] = [
  [0, 0],
  [10, 50],
  [20, null],
  [30, 100],
  [90, 100],
];

describe('the line of a chart', () => {
  const scale = scaleOf({ from: 0, to: 100, most: 100, width: 100, height: 52 });

  it('breaks where nothing is known', () => {
    expect(linePath(points, scale, 40)).toBe('M0 51h0L10 27.2M30 3.4h0M90 3.4h0');
  });

  it('joins what is as far apart as usual', () => {
    const rare: SeriesPoint[] = [0, 120, 241, 360, 900].map((at) => [at, 1]);
    expect(usualGap(rare, 30)).toBe(484);
    expect(usualGap([], 30)).toBe(120);
  });

  it('stays within its picture, also when all values are 0', () => {
    expect(scaleOf({ from: 0, to: 1, most: 0, width: 10, height: 10 }).y(0)).toBe(9);
    expect(scale.y(100)).toBeGreaterThan(0);
  });

  it('finds what is under the pointer', () => {
    expect(nearestPoint(points, 21)).toEqual([30, 100]);
    expect(nearestPoint([[5, null]], 5)).toBeNull();
  });
});

/** Seconds since the epoch and a value, null where nothing is known. */
export type SeriesPoint = [at: number, value: number | null];

/** Turns times and values into places of a picture. */
export interface Scale {
  x(at: number): number;
  y(value: number): number;
}

/** A scale from 0 to `most`, with a little room above. */
export function scaleOf(of: { from: number; to: number; most: number; width: number; height: number }): Scale {
  const top = of.most > 0 ? of.most * 1.05 : 1;
  const place = (value: number) => Math.round(value * 10) / 10;
  return {
    x: (at) => place(((at - of.from) / (of.to - of.from)) * of.width),
    y: (value) => place(of.height - 1 - (value / top) * (of.height - 2)),
  };
}

/** The line through the points; it breaks where a value is not known, or where points are further apart than `gap` seconds. */
export function linePath(points: readonly SeriesPoint[], scale: Scale, gap: number): string {
  let path = '';
  let last: number | null = null;
  for (const [at, value] of points) {
    if (value === null) {
      last = null;
      continue;
    }
    const begins = last === null || at - last > gap;
    // A line of no length, so that a point that stands alone is seen.
    path += begins ? `M${scale.x(at)} ${scale.y(value)}h0` : `L${scale.x(at)} ${scale.y(value)}`;
    last = at;
  }
  return path;
}

/** Points that are further apart than this are not joined, in seconds: a few times what they usually are. */
export function usualGap(points: readonly SeriesPoint[], stepSeconds: number): number {
  const distances = points.slice(1).map(([at], index) => at - (points[index]?.[0] ?? at));
  const usual = distances.sort((a, b) => a - b)[Math.floor(distances.length / 2)] ?? 0;
  return Math.max(usual, stepSeconds) * 4;
}

/** The known point that is nearest to a moment. */
export function nearestPoint(points: readonly SeriesPoint[], at: number): [number, number] | null {
  let best: [number, number] | null = null;
  for (const [time, value] of points) {
    if (value === null) continue;
    if (best === null || Math.abs(time - at) < Math.abs(best[0] - at)) best = [time, value];
  }
  return best;
}

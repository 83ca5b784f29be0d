import type { UnitSeries } from '@kiln/protocol/hosts.ts';
import { type PointerEvent, useState } from 'react';
import { exactTime } from '../../parts/format.ts';
import css from './series-chart.module.css';
import { linePath, nearestPoint, scaleOf, usualGap } from './series-shape.ts';

const WIDTH = 600;
const HEIGHT = 96;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** One small line over time, with its greatest value, and the value under the pointer. */
export function SeriesChart({
  title,
  series,
  format,
}: {
  title: string;
  series: UnitSeries;
  format: (value: number) => string;
}) {
  const [at, setAt] = useState<number | null>(null);
  const from = Date.parse(series.from) / 1000;
  const to = Date.parse(series.to) / 1000;
  const known = series.points.flatMap(([, value]) => (value === null ? [] : [value]));
  const most = Math.max(0, ...known);
  const scale = scaleOf({ from, to, most, width: WIDTH, height: HEIGHT });
  const shown = at === null ? null : nearestPoint(series.points, at);
  const latest = known.at(-1);
  const follow = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setAt(from + ((event.clientX - box.left) / box.width) * (to - from));
  };
  const label = to - from > 2 * 86_400 ? day : clock;
  return (
    <figure className={css.chart}>
      <figcaption>
        <b>{title}</b>
        <span className={css.value}>
          {shown ? `${format(shown[1])} at ${exactTime(shown[0] * 1000)}` : latest === undefined ? '' : format(latest)}
        </span>
      </figcaption>
      {known.length === 0 ? (
        <p className={css.none}>Nothing is known of this time</p>
      ) : (
        <>
          <svg
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${title}: now ${format(latest ?? 0)}, at most ${format(most)}`}
            onPointerMove={follow}
            onPointerLeave={() => setAt(null)}
          >
            <path
              d={linePath(series.points, scale, usualGap(series.points, series.stepSeconds))}
              vectorEffect="non-scaling-stroke"
            />
            {shown && (
              <line
                x1={scale.x(shown[0])}
                x2={scale.x(shown[0])}
                y1={0}
                y2={HEIGHT}
                vectorEffect="non-scaling-stroke"
              />
            )}
          </svg>
          <p className={css.axis}>
            <span>{label.format(from * 1000)}</span>
            <span>at most {format(most)}</span>
            <span>now</span>
          </p>
        </>
      )}
    </figure>
  );
}

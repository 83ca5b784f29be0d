import type { Overview } from '@kiln/protocol/api.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import type { ReactNode } from 'react';
import { formatCount } from '../../parts/format.ts';
import css from './figures.module.css';
import { HoursChart } from './hours-chart.tsx';

/** The last 24 hours in figures, and as a shape. */
export function Figures({ overview }: { overview: Overview }) {
  const { day, hours, queueDepth } = overview;
  const ended = day.completed + day.failed;
  const rate = ended === 0 ? null : Math.floor((day.completed / ended) * 100);
  return (
    <section className={css.band} aria-label="The last 24 hours">
      <dl className={css.figures}>
        <Figure name="Runs" value={formatCount(day.runs)} note="in 24 hours" />
        <Figure
          name="Succeeded"
          value={rate === null ? '–' : `${rate}%`}
          note={ended === 0 ? 'none has ended' : `${formatCount(day.completed)} of ${formatCount(ended)} ended`}
        />
        <Figure
          name="Average"
          value={day.averageSeconds === null ? '–' : formatDuration(Math.round(day.averageSeconds) * 1000)}
          note="from start to success"
        />
        <Figure
          name="Waiting"
          value={formatCount(queueDepth)}
          note={queueDepth === 1 ? 'job in the queue' : 'jobs in the queue'}
        />
      </dl>
      <HoursChart hours={hours} />
    </section>
  );
}

function Figure({ name, value, note }: { name: string; value: ReactNode; note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
      <dd className={css.note}>{note}</dd>
    </div>
  );
}

import type { Overview } from '@kiln/protocol/api.ts';
import { plural } from '../../parts/format.ts';
import css from './hours-chart.module.css';

const HEIGHT = 64;
const OUTCOMES = ['completed', 'failed', 'cancelled'] as const;

const hourOf = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });

/** Runs per hour by outcome: one bar an hour, in the colours of the statuses. */
export function HoursChart({ hours }: { hours: Overview['hours'] }) {
  const most = Math.max(0, ...hours.map((hour) => hour.completed + hour.failed + hour.cancelled));
  const first = hours[0];
  return (
    <figure className={css.chart}>
      <div className={css.bars} style={{ height: HEIGHT }} role="img" aria-label={summary(hours)}>
        {hours.map((hour) => (
          <div key={hour.hour} className={css.hour} title={titleOf(hour)}>
            {OUTCOMES.map((outcome) =>
              hour[outcome] === 0 ? null : (
                <span
                  key={outcome}
                  data-outcome={outcome}
                  style={{ height: Math.max(2, (hour[outcome] / most) * (HEIGHT - 4)) }}
                />
              ),
            )}
          </div>
        ))}
      </div>
      <figcaption className={css.axis}>
        <span>{first ? hourOf.format(new Date(first.hour)) : ''}</span>
        <span>{most === 0 ? 'No run has ended in the last 24 hours' : `Runs per hour, at most ${most}`}</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}

function titleOf(hour: Overview['hours'][number]): string {
  const parts = OUTCOMES.filter((outcome) => hour[outcome] > 0).map((outcome) => `${hour[outcome]} ${outcome}`);
  return `From ${hourOf.format(new Date(hour.hour))}: ${parts.join(', ') || 'no runs'}`;
}

function summary(hours: Overview['hours']): string {
  const sum = (outcome: (typeof OUTCOMES)[number]) => hours.reduce((total, hour) => total + hour[outcome], 0);
  return `Runs that ended in each of the last ${plural(hours.length, 'hour')}: ${sum('completed')} completed, ${sum('failed')} failed, ${sum('cancelled')} cancelled`;
}

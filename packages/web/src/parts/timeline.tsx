import type { TimelineEntry } from '@kiln/protocol/api.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { clockTime, exactTime } from './format.ts';
import css from './timeline.module.css';

/** Below this the time between two milestones is not worth a word. */
const GAP_MS = 1000;

/** Milestones in their order, with the time that passed between them. */
export function Timeline({ entries }: { entries: TimelineEntry[] }) {
  return (
    <ol className={css.list}>
      {entries.map((entry, index) => {
        const before = entries[index - 1];
        const gap = before ? Date.parse(entry.at) - Date.parse(before.at) : 0;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: milestones are only ever added at the end
          <li key={index} className={css.entry} data-failed={/fail|dead|lost|refus/.test(entry.name) || undefined}>
            {gap >= GAP_MS && <span className={css.gap}>{formatDuration(gap)} later</span>}
            <time dateTime={entry.at} title={exactTime(entry.at)} className={css.time}>
              {clockTime(entry.at)}
            </time>
            <span className={css.dot} />
            <div className={css.what}>
              <p>{entry.message}</p>
              <p className={css.where} title={entry.instance}>
                {entry.service} · {entry.name}
              </p>
            </div>
          </li>
        );
      })}
    </ol>
  );
}

import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { memo } from 'react';
import { exactTime, formatCount } from '../parts/format.ts';
import { Status } from '../parts/status.tsx';
import { Elapsed } from '../parts/time.tsx';
import type { Group } from './groups.ts';
import { LineText } from './line-text.tsx';
import css from './log.module.css';
import type { Hit } from './log-search.ts';
import type { TimeMode } from './prefs.ts';
import type { LogRow } from './row.ts';
import { clockOf, sinceOf } from './times.ts';

const LEVEL = ['debug', undefined, 'warn', 'error', 'error'] as const;
const LEVEL_MARK = [
  { letter: 'D', word: 'Debug' },
  undefined,
  { letter: 'W', word: 'Warning' },
  { letter: 'E', word: 'Error' },
  { letter: 'F', word: 'Fatal' },
] as const;

/** One line. Its text is only ever put into text nodes: markup in a log is shown, not obeyed. */
export const Line = memo(function Line({
  line,
  row,
  href,
  times,
  startedAt,
  cause,
  selected,
  hit,
  current,
  group,
  folded,
  apart,
}: {
  line: number;
  /** Null while it is on its way. */
  row: LogRow | null;
  href: string;
  times: TimeMode;
  /** Start of the attempt, in milliseconds since the epoch. */
  startedAt: number;
  /** Looks like the cause of the failure. */
  cause: boolean;
  selected: boolean;
  /** What the search found in it. */
  hit: Hit | undefined;
  /** The hit that one is at. */
  current: boolean;
  /** The group that begins here. */
  group: Group | undefined;
  folded: boolean;
  /** Lines between the one above and this one are not shown. */
  apart: boolean;
}) {
  const mark = row ? LEVEL_MARK[row.level] : undefined;
  return (
    <div
      className={css.line}
      data-row={line}
      data-level={row ? LEVEL[row.level] : undefined}
      data-kiln={row?.component === 'kiln' || undefined}
      data-group={group?.depth}
      data-cause={cause || undefined}
      data-selected={selected || undefined}
      data-current={current || undefined}
      data-apart={apart || undefined}
    >
      <span className={css.fold}>
        {group && group.last > group.first && (
          <button
            type="button"
            data-fold={group.key}
            data-first={group.first}
            aria-expanded={!folded}
            aria-label={`${group.name}, ${formatCount(group.last - group.first + 1)} lines`}
          >
            {folded ? <IconChevronRight size={14} aria-hidden /> : <IconChevronDown size={14} aria-hidden />}
          </button>
        )}
      </span>
      <a className={css.number} href={`${href}#L${line}`} data-line={line} aria-label={`Line ${line}`} tabIndex={-1}>
        {line}
      </a>
      <span className={css.level}>
        {mark && (
          <span role="img" aria-label={mark.word} title={mark.word}>
            {mark.letter}
          </span>
        )}
      </span>
      {times !== 'off' && (
        <span className={css.time} title={row ? exactTime(row.time) : undefined}>
          {row && (times === 'clock' ? clockOf(row.time) : sinceOf(row.time - startedAt))}
        </span>
      )}
      <LineText row={row} hit={hit} />
      {group && <GroupEnd group={group} folded={folded} />}
    </div>
  );
});

/** How a group went, at the right end of its first line. */
function GroupEnd({ group, folded }: { group: Group; folded: boolean }) {
  const { name, state, from, to, first, last, warnings, errors } = group;
  return (
    <span className={css.groupEnd} title={name}>
      {folded && <span>{formatCount(last - first)} lines folded</span>}
      {errors > 0 && <span data-tone="red">{formatCount(errors)} E</span>}
      {warnings > 0 && <span data-tone="yellow">{formatCount(warnings)} W</span>}
      <Elapsed from={from} to={to} />
      <Status status={state} iconOnly size={14} />
    </span>
  );
}

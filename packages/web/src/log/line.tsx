import { type CSSProperties, memo } from 'react';
import { exactTime } from '../parts/format.ts';
import { parseAnsi, type Span } from './ansi.ts';
import css from './log.module.css';
import type { TimeMode } from './prefs.ts';
import type { LogRow } from './row.ts';
import type { Style } from './sgr.ts';

const LEVEL = ['debug', undefined, 'warn', 'error', 'error'] as const;

/** One line. Its text is only ever put into text nodes: markup in a log is shown, not obeyed. */
export const Line = memo(function Line({
  line,
  row,
  href,
  times,
  startedAt,
  cause,
  selected,
  begins,
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
  /** The first line of a phase. */
  begins: boolean;
}) {
  return (
    <div
      className={css.line}
      data-row={line}
      data-level={row ? LEVEL[row.level] : undefined}
      data-kiln={row?.component === 'kiln' || undefined}
      data-begins={begins || undefined}
      data-cause={cause || undefined}
      data-selected={selected || undefined}
    >
      <a className={css.number} href={`${href}#L${line}`} data-line={line} aria-label={`Line ${line}`} tabIndex={-1}>
        {line}
      </a>
      {times !== 'off' && (
        <span className={css.time} title={row ? exactTime(row.time) : undefined}>
          {row && (times === 'clock' ? clockOf(row.time) : sinceOf(row.time - startedAt))}
        </span>
      )}
      <span className={css.text}>
        {row ? parseAnsi(row.text).map((span, index) => piece(span, index)) : <i className={css.ghost} data-ghost />}
      </span>
    </div>
  );
});

function piece({ text, style }: Span, index: number) {
  if (!style) return text;
  return (
    <span key={index} style={look(style)}>
      {text}
    </span>
  );
}

function look(style: Style): CSSProperties {
  const color = cssColor(style.color);
  const background = cssColor(style.background);
  const look: CSSProperties = {};
  const [front, back] = style.inverse
    ? [background ?? 'var(--k-surface)', color ?? 'var(--k-text)']
    : [color, background];
  if (front) look.color = front;
  if (back) look.backgroundColor = back;
  if (style.bold) look.fontWeight = 700;
  if (style.dim) look.opacity = 0.7;
  if (style.italic) look.fontStyle = 'italic';
  if (style.underline || style.strike)
    look.textDecoration = `${style.underline ? 'underline ' : ''}${style.strike ? 'line-through' : ''}`;
  return look;
}

function cssColor(color: number | string | undefined): string | undefined {
  return typeof color === 'number' ? `var(--ansi-${color})` : color;
}

function pad(value: number, digits = 2): string {
  return String(value).padStart(digits, '0');
}

/** `14:03:22.125` in the viewer's zone. */
function clockOf(time: number): string {
  const at = new Date(time);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

/** `0:07.1`, `12:07.1`, `1:12:07` since the start. */
function sinceOf(ms: number): string {
  const tenths = Math.max(0, Math.floor(ms / 100));
  const seconds = Math.floor(tenths / 10);
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
  return `${minutes}:${pad(seconds % 60)}.${tenths % 10}`;
}

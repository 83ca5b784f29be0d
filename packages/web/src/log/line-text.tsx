import { type CSSProperties, Fragment, type ReactNode } from 'react';
import { parseAnsi, type Span } from './ansi.ts';
import { highlighted, type Piece } from './highlight.ts';
import css from './log.module.css';
import type { Hit } from './log-search.ts';
import type { LogRow } from './row.ts';
import type { Style } from './sgr.ts';

/** The text of a line in its colours, with the hits of a search marked. A ghost while it is on its way. */
export function LineText({ row, hit }: { row: LogRow | null; hit: Hit | undefined }) {
  if (!row) {
    return (
      <span className={css.text} data-text>
        <i className={css.ghost} data-ghost />
      </span>
    );
  }
  const said = row.component !== 'kiln' && row.component !== 'output' ? row.component : null;
  return (
    <span className={css.text} data-text>
      {said !== null && (
        <span className={css.component} title={row.context}>
          {said}
          {row.context && ` · ${row.context}`}
        </span>
      )}
      {piecesOf(row, hit).map((piece, index) => show(piece, index))}
    </span>
  );
}

function piecesOf(row: LogRow, hit: Hit | undefined): readonly (Span | Piece)[] {
  const spans = parseAnsi(row.text);
  if (!hit || hit.ranges.length === 0) return spans;
  // The ranges belong to the text that the farm saw: where that differs from what is drawn here, it is shown instead.
  const drawn = spans.map(({ text }) => text).join('');
  return highlighted(drawn === hit.row.text ? spans : [{ text: hit.row.text, style: null }], hit.ranges);
}

function show(piece: Span | Piece, index: number): ReactNode {
  const { text, style, href } = piece;
  const isHit = 'hit' in piece && piece.hit;
  if (!style && !href && !isHit) return <Fragment key={index}>{text}</Fragment>;
  if (isHit) {
    // A hit has colours of its own, and can be read on every background.
    return (
      <mark key={index} className={css.hit}>
        {text}
      </mark>
    );
  }
  const look = style ? lookOf(style) : undefined;
  if (href) {
    return (
      <a
        key={index}
        href={href}
        title={href}
        target="_blank"
        rel="noopener noreferrer"
        className={css.link}
        style={look}
      >
        {text}
      </a>
    );
  }
  return (
    <span key={index} style={look}>
      {text}
    </span>
  );
}

function lookOf(style: Style): CSSProperties {
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
  const lines = [style.underline && 'underline', style.strike && 'line-through', style.overline && 'overline'];
  const drawn = lines.filter((each) => each !== undefined).join(' ');
  if (drawn !== '') look.textDecoration = drawn;
  return look;
}

function cssColor(color: number | string | undefined): string | undefined {
  return typeof color === 'number' ? `var(--ansi-${color})` : color;
}

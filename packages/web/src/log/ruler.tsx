import { useComputedColorScheme } from '@mantine/core';
import { type PointerEvent, useEffect, useRef, useState } from 'react';
import { formatCount } from '../parts/format.ts';
import { statusTone } from '../parts/status.tsx';
import { type Group, groupsAt } from './groups.ts';
import css from './log.module.css';
import type { Outline } from './outline.ts';
import type { Rows } from './rows.ts';
import { bandsOf, hitPixels, ticksOf } from './ruler-maths.ts';
import { ROW_HEIGHT } from './viewport.ts';

const WIDTH = 16;
const BAND_WIDTH = 4;
/** The view's own mark can be seen, however long the log. */
const LEAST_VIEW = 6;

/** The whole log at a glance: phases as bands, warnings, errors and hits as marks, and what is in view. A click goes there. */
export function Ruler({
  rows,
  groups,
  outline,
  hits,
  current,
  top,
  viewHeight,
  onGo,
}: {
  rows: Rows;
  groups: readonly Group[];
  outline: Outline;
  hits: readonly number[];
  /** Line of the hit that one is at. */
  current: number | null;
  /** Rows above the view. */
  top: number;
  viewHeight: number;
  /** Goes to a part (0 to 1) of the way through the log. */
  onGo: (part: number) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [height, setHeight] = useState(0);
  const scheme = useComputedColorScheme('light');
  /** A log that is shorter than the view uses as much of the ruler as of the view. */
  const used = Math.min(height, rows.count * ROW_HEIGHT);

  useEffect(() => {
    const element = canvas.current?.parentElement;
    if (!element) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the outline grows in place, and the colours are the scheme's
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context || height === 0) return;
    const scale = window.devicePixelRatio || 1;
    element.width = Math.round(WIDTH * scale);
    element.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(`--k-${name}`);
    for (const [index, band] of bandsOf(groups, rows, used).entries()) {
      const tone = statusTone(band.group.state);
      context.fillStyle = colour(tone === 'green' ? (index % 2 ? 'line-strong' : 'faint') : `${tone}-fill`);
      context.globalAlpha = tone === 'green' ? 0.55 : 1;
      context.fillRect(0, band.top, BAND_WIDTH, Math.max(1, band.height - 1));
    }
    context.globalAlpha = 1;
    const ticks = ticksOf(outline, rows, used);
    context.fillStyle = colour('yellow-fill');
    for (const [y, tick] of ticks.entries()) if (tick === 1) context.fillRect(BAND_WIDTH + 2, y, 6, 1);
    context.fillStyle = colour('red-fill');
    for (const [y, tick] of ticks.entries()) if (tick === 2) context.fillRect(BAND_WIDTH + 1, y - 1, WIDTH, 3);
    context.fillStyle = colour('ember');
    for (const y of hitPixels(hits, rows, used)) context.fillRect(WIDTH - 5, y, 5, 2);
    if (current !== null) {
      for (const y of hitPixels([current], rows, used)) context.fillRect(0, y - 1, WIDTH, 3);
    }
  }, [rows, groups, outline, outline.lines, outline.marks.length, hits.length, current, height, used, scheme]);

  const partOf = ({ clientY, currentTarget }: PointerEvent) => {
    const box = currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientY - box.top) / Math.max(1, used)));
  };
  const visible = viewHeight / ROW_HEIGHT / Math.max(1, rows.count);
  const viewSize = Math.max(LEAST_VIEW, Math.min(1, visible) * height);
  const viewTop = Math.min(height - viewSize, (top / Math.max(1, rows.count)) * height);
  return (
    <div
      className={css.ruler}
      aria-hidden
      data-testid="ruler"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        onGo(partOf(event));
      }}
      onPointerMove={(event) => {
        if (event.buttons === 1) return onGo(partOf(event));
        const line = rows.lineAt(Math.floor(partOf(event) * rows.count));
        const path = groupsAt(groups, line).map(({ name }) => name);
        event.currentTarget.title = [`Line ${formatCount(line)}`, ...path].join(' › ');
      }}
    >
      <canvas ref={canvas} />
      {visible < 1 && <i className={css.rulerView} style={{ top: viewTop, height: viewSize }} />}
    </div>
  );
}

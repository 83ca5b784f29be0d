import type { Words } from './words.ts';

/** Pieces of a Grafana dashboard, as its JSON model has them. Positions are in Grafana's grid of 24 columns. */

/** One query of a panel. */
export interface Query {
  expr: string;
  /** How a series is called, such as `{{host}}`. */
  legend?: string;
  /** `instant`: the newest values; `range`: all of the shown time. */
  kind: 'instant' | 'range';
}

interface PanelBody {
  type: string;
  title: string;
  description: string;
  targets: { refId: string; expr: string }[];
  [key: string]: unknown;
}

/** What a panel shows, before it has its place. */
export type Sketch = PanelBody & { width: number; height: number };

/** A heading, or a panel with its place. */
export type Panel = (PanelBody | { type: 'row'; title: string; [key: string]: unknown }) & {
  id: number;
  gridPos: { x: number; y: number; w: number; h: number };
};

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

interface Look {
  title: string;
  description: string;
  queries: Query[];
  width: number;
  height: number;
}

/** A single big value for each series. `text` is `name` where the series' name is what matters. */
export function stat(look: Look, defaults: object, text: 'value' | 'name' | 'value_and_name' = 'value'): Sketch {
  const reduceOptions = { calcs: ['lastNotNull'], fields: '', values: false };
  return {
    ...base('stat', look),
    fieldConfig: { defaults, overrides: [] },
    options: { reduceOptions, textMode: text, colorMode: 'background', graphMode: 'none', justifyMode: 'auto' },
  };
}

/** Bars over time. `line`: draws a line at this value. */
export function bars(look: Look, line?: number): Sketch {
  const steps = [{ color: 'green', value: null }, ...(line === undefined ? [] : [{ color: 'red', value: line }])];
  const thresholdsStyle = { mode: line === undefined ? 'off' : 'line' };
  const custom = { drawStyle: 'bars', fillOpacity: 80, lineWidth: 1, stacking: { mode: 'normal' }, thresholdsStyle };
  return {
    ...base('timeseries', look),
    fieldConfig: { defaults: { custom, decimals: 0, min: 0, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  };
}

/** A band for each series, coloured by the state that it was in. */
export function states(look: Look, defaults: object): Sketch {
  return {
    ...base('state-timeline', look),
    fieldConfig: { defaults: { ...defaults, custom: { fillOpacity: 80, lineWidth: 0 } }, overrides: [] },
    options: { mergeValues: true, showValue: 'auto', rowHeight: 0.8, legend: { showLegend: false } },
  };
}

/** A column of a table. The first one is that of the first query, and so on. */
export interface Column {
  title: string;
  config: object;
}

/** A row for each host and unit, one column of values for each query. */
export function table(look: Look, labels: string[], columns: Column[]): Sketch {
  const letters = look.queries.map((_, index) => refId(index));
  const renameByName = Object.fromEntries(columns.map(({ title }, index) => [`Value #${letters[index]}`, title]));
  return {
    ...base('table', look),
    fieldConfig: {
      defaults: { custom: { align: 'left', filterable: true } },
      overrides: columns.map(({ title, config }) => ({
        matcher: { id: 'byName', options: title },
        properties: Object.entries(config).map(([id, value]) => ({ id, value })),
      })),
    },
    options: { showHeader: true, cellHeight: 'sm' },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(
            [...labels, ...Object.keys(renameByName)].map((name, index) => [name, index]),
          ),
          renameByName,
        },
      },
    ],
  };
}

/** Numbers and the words that are shown for them. */
export function mapping(words: Words): object[] {
  const options = Object.fromEntries(Object.entries(words).map(([value, word], index) => [value, { ...word, index }]));
  return [{ type: 'value', options }];
}

/** What a column needs to show words for its numbers. */
export function wordsColumn(of: Words): object {
  return { mappings: mapping(of), 'custom.cellOptions': { type: 'color-text' } };
}

/** Colours by value: green below the first, then each from its value on. */
export function thresholds(...steps: [value: number, color: string][]): object {
  const rest = steps.map(([value, color]) => ({ value, color }));
  return { mode: 'absolute', steps: [{ value: null, color: 'green' }, ...rest] };
}

function base(type: string, look: Look): Sketch {
  const { title, description, width, height } = look;
  const isTable = type === 'table';
  const targets = look.queries.map(({ expr, legend, kind }, index) => ({
    refId: refId(index),
    datasource: DATASOURCE,
    expr,
    instant: kind === 'instant',
    range: kind === 'range',
    format: isTable ? 'table' : 'time_series',
    legendFormat: legend ?? '__auto',
  }));
  return { type, title, description, width, height, datasource: DATASOURCE, targets };
}

function refId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

/** A heading, and the panels under it from left to right. `repeat`: once for each value of this variable. */
export interface Row {
  title: string;
  repeat?: string;
  panels: Sketch[];
}

/** Places rows one under the other. */
export function layOut(rows: Row[]): Panel[] {
  const placed: Panel[] = [];
  let y = 0;
  let id = 1;
  for (const row of rows) {
    const repeat = row.repeat ? { repeat: row.repeat } : {};
    const head = { type: 'row' as const, title: row.title, collapsed: false, panels: [], ...repeat };
    placed.push({ id: id++, ...head, gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    let x = 0;
    let lineHeight = 0;
    for (const { width, height, ...panel } of row.panels) {
      if (x + width > 24) {
        y += lineHeight;
        x = 0;
        lineHeight = 0;
      }
      placed.push({ id: id++, ...panel, gridPos: { x, y, w: width, h: height } });
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
  return placed;
}

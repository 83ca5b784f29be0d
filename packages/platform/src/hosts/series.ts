import { HOST_METRICS } from '@kiln/protocol/host-metrics.ts';
import type { SeriesName, SeriesRange, UnitSeries } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '@kiln/store/database.ts';
import { readUnitSeries } from '@kiln/store/reads/host-series.ts';
import { type MetricsStore, quotedLabel } from './metrics-store.ts';

/** The stretches of time that a chart can show, in seconds. */
const RANGES: Readonly<Record<SeriesRange, number>> = {
  '1h': 3600,
  '6h': 21_600,
  '24h': 86_400,
  '7d': 604_800,
  '30d': 2_592_000,
};

const POINTS = 240;
const SHORTEST_STEP = 30;
/** A rate needs at least two readings, also when one was lost. */
const SHORTEST_WINDOW = 120;

/** A chart of a unit: from the metrics store where there is one, else from the readings that Kiln keeps. */
export async function unitSeries(
  sql: Queryable,
  store: MetricsStore | null,
  what: { host: string; unit: string; name: SeriesName; range: SeriesRange },
): Promise<UnitSeries> {
  const seconds = RANGES[what.range];
  const to = new Date();
  const from = new Date(to.getTime() - seconds * 1000);
  const step = Math.max(SHORTEST_STEP, Math.ceil(seconds / POINTS));
  const frame = { name: what.name, from: from.toISOString(), to: to.toISOString(), stepSeconds: step };
  if (store === null) {
    return { ...frame, source: 'kiln', points: await readUnitSeries(sql, what.host, what.unit, what.name, from) };
  }
  const series = await store.range(expression(what, step), from, to, step);
  const points = series.flatMap((one) => one.points).sort((a, b) => a[0] - b[0]);
  return {
    ...frame,
    source: 'store',
    points: points.map(([at, value]) => [at, Number.isFinite(value) ? value : null]),
  };
}

function expression({ host, unit, name }: { host: string; unit: string; name: SeriesName }, step: number): string {
  const labels = `{unit=${quotedLabel(unit)},host=${quotedLabel(host)}}`;
  const window = `[${Math.max(SHORTEST_WINDOW, step)}s]`;
  if (name === 'memory') return `max(${HOST_METRICS.memory.name}${labels})`;
  if (name === 'cpu') return `max(rate(${HOST_METRICS.cpu.name}${labels}${window}))`;
  return `max(increase(${HOST_METRICS.restarts.name}${labels}${window}))`;
}

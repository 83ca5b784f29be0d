import { HOST_METRICS, type HostMetricKey } from '@kiln/protocol/host-metrics.ts';
import type { DailyReport } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '@kiln/store/database.ts';
import { exitKindOf } from '@kiln/store/hosts/reading.ts';
import { readRunCounts } from '@kiln/store/reads/daily-report.ts';
import { resultWord } from '@kiln/store/reads/host-rows.ts';
import type { MetricsStore, StoreSeries } from './metrics-store.ts';

const MOST_UNITS = 500;
/** A heartbeat that is older than this at the end of the time is missing: two of the shipped intervals and a little. */
const SILENT_SECONDS = 65;

type Unit = DailyReport['units'][number];

/** The daily report, with the hosts' part out of the metrics store. It has no mass restarts, and times without a heartbeat only at the end. */
export async function reportFromMetrics(
  sql: Queryable,
  store: MetricsStore,
  from: Date,
  to: Date,
): Promise<DailyReport> {
  const seconds = Math.max(60, Math.round((to.getTime() - from.getTime()) / 1000));
  const window = `[${seconds}s]`;
  const last = (key: HostMetricKey) => `max by (unit, host) (last_over_time(${HOST_METRICS[key].name}${window}))`;
  const verdict = HOST_METRICS.verdict.name;
  const ask = async (query: string) => await store.instant(query, to);
  const [restarts, failed, changes, stale, failedAt, kind, status, result, beats, runs] = await Promise.all([
    ask(`round(max by (unit, host) (increase(${HOST_METRICS.restarts.name}${window}))) > 0`),
    ask(`max by (unit, host) (max_over_time(${HOST_METRICS.failed.name}${window})) > 0`),
    ask(`max by (unit, host) (changes(${HOST_METRICS.failed.name}${window})) > 0`),
    ask(`max by (unit, host) (max_over_time(((${verdict} >= bool 2) * (${verdict} <= bool 5))[${seconds}s:1m])) > 0`),
    ask(last('failedAt')),
    ask(last('exitKind')),
    ask(last('exitStatus')),
    ask(last('result')),
    ask(`max by (host) (last_over_time(${HOST_METRICS.heartbeatAt.name}${window}))`),
    readRunCounts(sql, from, to),
  ]);
  const [changesOf, failedAtOf, kindOf, statusOf, resultOf] = [changes, failedAt, kind, status, result].map(byUnit);
  const units = new Map<string, Unit>();
  const note = (series: readonly StoreSeries[], take: (unit: Unit, value: number, key: string) => void) => {
    for (const one of series) {
      const key = keyOf(one);
      const { unit = '', host = '' } = one.labels;
      const entry = units.get(key) ?? {
        host,
        unit,
        failures: 0,
        restarts: 0,
        stale: 0,
        state: null,
        lastFailure: null,
      };
      units.set(key, entry);
      take(entry, one.points[0]?.[1] ?? 0, key);
    }
  };
  note(restarts, (unit, value) => {
    unit.restarts = value;
  });
  note(failed, (unit, _value, key) => {
    // Each failure is a change to 1, and all but the last were followed by one back.
    unit.failures = Math.max(1, Math.ceil((changesOf?.get(key) ?? 0) / 2));
  });
  note(stale, (unit) => {
    unit.stale = 1;
  });
  for (const [key, unit] of units) {
    const at = failedAtOf?.get(key);
    if (at === undefined) continue;
    unit.lastFailure = {
      at: new Date(at * 1000).toISOString(),
      exitKind: exitKindOf(kindOf?.get(key)),
      exitStatus: statusOf?.get(key) ?? null,
      result: resultWord(resultOf?.get(key)),
    };
  }
  const silences = silencesOf(beats, to);
  return {
    from: from.toISOString(),
    to: to.toISOString(),
    source: 'metrics',
    quiet: units.size === 0 && silences.length === 0 && runs.failed === 0,
    hosts: beats.length,
    units: [...units.values()].sort((a, b) => b.failures - a.failures || b.restarts - a.restarts).slice(0, MOST_UNITS),
    massRestarts: [],
    silences,
    runs,
  };
}

function silencesOf(beats: readonly StoreSeries[], to: Date): DailyReport['silences'] {
  return beats.flatMap(({ labels, points }) => {
    const at = points[0]?.[1] ?? 0;
    if (to.getTime() / 1000 - at <= SILENT_SECONDS) return [];
    return [{ host: labels.host ?? '', at: new Date(at * 1000).toISOString(), until: null }];
  });
}

function keyOf({ labels }: StoreSeries): string {
  return `${labels.host ?? ''} ${labels.unit ?? ''}`;
}

function byUnit(series: readonly StoreSeries[]): Map<string, number> {
  return new Map(series.flatMap((one) => (one.points[0] ? [[keyOf(one), one.points[0][1]]] : [])));
}

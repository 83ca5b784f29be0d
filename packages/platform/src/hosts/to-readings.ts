import { HOST_METRIC_KEYS, HOST_METRICS, type HostMetricKey } from '@kiln/protocol/host-metrics.ts';
import type { HostReading, UnitReading } from '@kiln/store/hosts/reading.ts';
import type { Point, Push } from './otlp/points.ts';

/** One reading of one host out of a push. */
export interface HostPush {
  host: string;
  takenAt: Date;
  reading: HostReading;
}

/** What a push means to Kiln. `reasons` has the points that were not taken, by why. */
export interface Sorted {
  hosts: HostPush[];
  rejected: number;
  reasons: Map<string, number>;
}

/** More units than this of one host are refused: something varies in their names. */
const MOST_UNITS = 2000;
/** Hosts in one push. A collector sends a handful. */
const MOST_HOSTS = 100;

const KEY_BY_NAME = new Map<string, HostMetricKey>(HOST_METRIC_KEYS.map((key) => [HOST_METRICS[key].name, key]));
const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/;
/** As systemd allows it, with its kind at the end. */
const UNIT_NAME = /^[A-Za-z0-9:_.@\\-]{1,245}\.[a-z]{3,9}$/;
const SUB_STATE = /^[a-z-]{0,40}$/;
/** The end of the year 9999, past which nothing can write a time. */
const LAST_MS = 253_402_300_799_000;

/** A host whose points are still being read: when each series was told, and how many units there are. */
type Draft = HostPush & { times: Map<string, number>; units: number };

const FOREIGN = 'Kiln keeps the metrics of its heartbeat only';

/**
 * Sorts the points of a push into readings by host. `only`: the one host that may be spoken for, or null. Of several points of one
 * series the newest counts. What Kiln does not keep, or must not, is counted with its reason and never fails the rest.
 */
export function toReadings(push: Push, only: string | null): Sorted {
  const hosts = new Map<string, Draft>();
  const reasons = new Map<string, number>();
  const reject = (reason: string, count = 1) => void reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  if (push.foreign > 0) reject('Kiln keeps gauges and sums only', push.foreign);
  for (const point of push.points) {
    const host = point.labels.get('host') ?? point.labels.get('host.name') ?? '';
    const key = KEY_BY_NAME.get(point.name);
    const problem = problemOf(point, key, host, only);
    if (problem !== null || key === undefined) {
      reject(problem ?? FOREIGN);
      continue;
    }
    let entry = hosts.get(host);
    if (!entry) {
      if (hosts.size >= MOST_HOSTS) {
        reject(`a push may speak for ${MOST_HOSTS} hosts at most`);
        continue;
      }
      entry = { host, takenAt: new Date(0), reading: { host: {}, units: {} }, times: new Map(), units: 0 };
      hosts.set(host, entry);
    }
    const refusal = take(entry, key, point);
    if (refusal !== null) reject(refusal);
  }
  const kept = [...hosts.values()].filter(({ takenAt }) => takenAt.getTime() > 0);
  return {
    hosts: kept.map(({ host, takenAt, reading }) => ({ host, takenAt, reading })),
    rejected: [...reasons.values()].reduce((sum, count) => sum + count, 0),
    reasons,
  };
}

function problemOf(point: Point, key: HostMetricKey | undefined, host: string, only: string | null): string | null {
  if (key === undefined) return FOREIGN;
  const { most, whole } = HOST_METRICS[key].range;
  const { value, timeMs } = point;
  if (!(value >= 0 && value <= most) || (whole && !Number.isInteger(value)))
    return `a value of ${point.name} is impossible`;
  if (!(timeMs > 0 && timeMs <= LAST_MS)) return 'a point has no time';
  if (!HOST_NAME.test(host)) return 'the label host (or the resource attribute host.name) is missing or no host name';
  if (only !== null && host !== only) return `this token may speak for ${only} only`;
  return null;
}

/** Takes a point over, or says why not. */
function take(entry: Draft, key: HostMetricKey, point: Point): string | null {
  const { reading, times } = entry;
  const unit = HOST_METRICS[key].of === 'unit' ? (point.labels.get('unit') ?? '') : null;
  if (unit !== null && !UNIT_NAME.test(unit)) return 'the label unit is missing or no name of a unit';
  const series = `${key} ${unit ?? ''}`;
  if ((times.get(series) ?? 0) > point.timeMs) return null;
  let figures: HostReading['host'] | UnitReading = reading.host;
  if (unit !== null) {
    const own: UnitReading = reading.units[unit] ?? { sub: '' };
    if (!Object.hasOwn(reading.units, unit)) {
      if (entry.units >= MOST_UNITS) return `a host may have ${MOST_UNITS} units at most`;
      entry.units += 1;
      reading.units[unit] = own;
    }
    const sub = point.labels.get('sub_state') ?? '';
    if (key === 'active' && SUB_STATE.test(sub)) own.sub = sub;
    figures = own;
  }
  times.set(series, point.timeMs);
  figures[key] = point.value;
  if (point.timeMs > entry.takenAt.getTime()) entry.takenAt = new Date(point.timeMs);
  return null;
}

import { checkPointCount, MalformedPush, type Point, type Push } from './points.ts';

const NO_RECORDED_VALUE = 1;
const FOREIGN = ['histogram', 'exponentialHistogram', 'summary'] as const;

type Mapping = Record<string, unknown>;

/** Reads an ExportMetricsServiceRequest as OTLP writes it in JSON. Throws MalformedPush, also for a text that is no JSON. */
export function decodeJson(text: string): Push {
  const push: Push = { points: [], foreign: 0 };
  for (const resourceMetrics of list(mapping(parsed(text), 'the body'), 'resourceMetrics')) {
    const attributes = list(optional(resourceMetrics, 'resource') ?? {}, 'attributes');
    const host = labelsOf(attributes).get('host.name');
    for (const scope of list(resourceMetrics, 'scopeMetrics')) {
      for (const metric of list(scope, 'metrics')) readMetric(metric, host, push);
    }
  }
  return push;
}

function readMetric(metric: Mapping, host: string | undefined, push: Push): void {
  const name = typeof metric.name === 'string' ? metric.name : '';
  for (const kind of FOREIGN) push.foreign += list(optional(metric, kind) ?? {}, 'dataPoints').length;
  for (const kind of ['gauge', 'sum']) {
    for (const point of list(optional(metric, kind) ?? {}, 'dataPoints')) {
      const read = readPoint(point, name, host);
      if (read) push.points.push(read);
    }
  }
  checkPointCount(push.points.length + push.foreign);
}

function readPoint(point: Mapping, name: string, host: string | undefined): Point | null {
  if ((Number(point.flags ?? 0) & NO_RECORDED_VALUE) !== 0) return null;
  const labels = new Map([
    ...(host === undefined ? [] : ([['host.name', host]] as const)),
    ...labelsOf(list(point, 'attributes')),
  ]);
  const value = numberOf(point.asDouble ?? point.asInt);
  return { name, labels, value, timeMs: numberOf(point.timeUnixNano) / 1e6 };
}

function labelsOf(attributes: readonly Mapping[]): Map<string, string> {
  const labels = new Map<string, string>();
  for (const { key, value } of attributes) {
    if (typeof key !== 'string' || !isMapping(value)) continue;
    const plain = value.stringValue ?? value.boolValue ?? value.intValue ?? value.doubleValue;
    if (typeof plain === 'string' || typeof plain === 'number' || typeof plain === 'boolean') {
      labels.set(key, String(plain));
    }
  }
  return labels;
}

/** Whole numbers of 64 bits come as texts. What is no number is NaN, which is refused later. */
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedPush(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function list(of: Mapping, key: string): Mapping[] {
  const value = of[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new MalformedPush(`${key} is not a list`);
  return value.map((item) => mapping(item, `an item of ${key}`));
}

function optional(of: Mapping, key: string): Mapping | null {
  const value = of[key];
  return value === undefined || value === null ? null : mapping(value, key);
}

function mapping(value: unknown, what: string): Mapping {
  if (!isMapping(value)) throw new MalformedPush(`${what} is not a mapping`);
  return value;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

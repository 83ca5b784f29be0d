import { checkPointCount, type Point, type Push } from './points.ts';
import { ProtobufReader } from './protobuf-reader.ts';

// Field numbers of opentelemetry/proto/collector/metrics/v1 and metrics/v1.
const REQUEST = { resourceMetrics: 1 };
const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2 };
const RESOURCE = { attributes: 1 };
const SCOPE_METRICS = { metrics: 2 };
const METRIC = { name: 1, gauge: 5, sum: 7, histogram: 9, exponentialHistogram: 10, summary: 11 };
/** The same in every kind of data. */
const DATA = { points: 1 };
const POINT = { time: 3, double: 4, int: 6, attributes: 7, flags: 8 };
const KEY_VALUE = { key: 1, value: 2 };
const ANY_VALUE = { string: 1, bool: 2, int: 3, double: 4 };
/** The series ends: the point has no value. */
const NO_RECORDED_VALUE = 1;
const NANOSECONDS = 1_000_000n;

/** Reads an ExportMetricsServiceRequest. Throws MalformedPush. */
export function decodeProtobuf(body: Uint8Array): Push {
  const push: Push = { points: [], foreign: 0 };
  const request = new ProtobufReader(body);
  while (request.next()) {
    if (request.field === REQUEST.resourceMetrics) readResourceMetrics(request.bytes(), push);
  }
  return push;
}

function readResourceMetrics(bytes: Uint8Array, push: Push): void {
  // Fields may come in any order, and the metrics need the resource.
  let host: string | undefined;
  const first = new ProtobufReader(bytes);
  while (first.next()) if (first.field === RESOURCE_METRICS.resource) host = hostOf(first.message()) ?? host;
  const reader = new ProtobufReader(bytes);
  while (reader.next()) {
    if (reader.field !== RESOURCE_METRICS.scopeMetrics) continue;
    const scope = reader.message();
    while (scope.next()) if (scope.field === SCOPE_METRICS.metrics) readMetric(scope.bytes(), host, push);
  }
}

function hostOf(resource: ProtobufReader): string | undefined {
  const labels = new Map<string, string>();
  while (resource.next()) if (resource.field === RESOURCE.attributes) readLabel(resource.message(), labels);
  return labels.get('host.name');
}

function readMetric(bytes: Uint8Array, host: string | undefined, push: Push): void {
  let name = '';
  const first = new ProtobufReader(bytes);
  while (first.next()) if (first.field === METRIC.name) name = first.text();
  const reader = new ProtobufReader(bytes);
  while (reader.next()) {
    const { field } = reader;
    const isNumber = field === METRIC.gauge || field === METRIC.sum;
    if (!isNumber && field !== METRIC.histogram && field !== METRIC.exponentialHistogram && field !== METRIC.summary)
      continue;
    const data = reader.message();
    while (data.next()) {
      if (data.field !== DATA.points) continue;
      const point = isNumber ? readPoint(data.message(), name, host) : 'foreign';
      if (point === 'foreign') push.foreign += 1;
      else if (point !== null) push.points.push(point);
      checkPointCount(push.points.length + push.foreign);
    }
  }
}

function readPoint(reader: ProtobufReader, name: string, host: string | undefined): Point | null {
  const labels = new Map<string, string>(host === undefined ? [] : [['host.name', host]]);
  const point = { name, labels, value: Number.NaN, timeMs: 0 };
  let flags = 0;
  while (reader.next()) {
    const { field } = reader;
    if (field === POINT.time) point.timeMs = Number(reader.fixed64() / NANOSECONDS);
    else if (field === POINT.double) point.value = reader.double();
    else if (field === POINT.int) point.value = Number(reader.sfixed64());
    else if (field === POINT.flags) flags = reader.uint();
    else if (field === POINT.attributes) readLabel(reader.message(), labels);
  }
  return (flags & NO_RECORDED_VALUE) === 0 ? point : null;
}

/** Only plain values can be labels; lists and maps are passed over. */
function readLabel(pair: ProtobufReader, labels: Map<string, string>): void {
  let key = '';
  let value: string | null = null;
  while (pair.next()) {
    if (pair.field === KEY_VALUE.key) key = pair.text();
    else if (pair.field === KEY_VALUE.value) value = readValue(pair.message());
  }
  if (value !== null) labels.set(key, value);
}

function readValue(any: ProtobufReader): string | null {
  let value: string | null = null;
  while (any.next()) {
    if (any.field === ANY_VALUE.string) value = any.text();
    else if (any.field === ANY_VALUE.bool) value = any.uint() === 0 ? 'false' : 'true';
    else if (any.field === ANY_VALUE.int) value = String(any.uint());
    else if (any.field === ANY_VALUE.double) value = String(any.double());
  }
  return value;
}

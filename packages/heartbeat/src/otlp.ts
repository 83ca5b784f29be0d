import { METRICS, type MetricName, type MetricRow, type Sample } from './metrics-table.ts';
import { ProtobufWriter } from './protobuf.ts';

// Field numbers of opentelemetry/proto/metrics/v1/metrics.proto.
const REQUEST = { resourceMetrics: 1 };
const RESOURCE_METRICS = { scopeMetrics: 2 };
const SCOPE_METRICS = { metrics: 2 };
const METRIC = { name: 1, description: 2, unit: 3, gauge: 5, sum: 7 };
const DATA = { points: 1, temporality: 2, monotonic: 3 };
const POINT = { start: 2, time: 3, double: 4, attributes: 7, flags: 8 };
const KEY_VALUE = { key: 1, value: 2 };
const ANY_VALUE = { string: 1 };
const CUMULATIVE = 2;
/** DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK: Prometheus and VictoriaMetrics store a staleness marker for such a point. */
const NO_RECORDED_VALUE = 1;

/** When samples were taken. */
export interface PushTimes {
  /** Milliseconds since 1970, of all samples that do not say otherwise. */
  at: number;
  /** Since when counters count, in the same unit. */
  countersSince: number;
}

/**
 * An ExportMetricsServiceRequest of OTLP, as protobuf. It has no resource and no scope: some receivers turn their attributes into
 * labels of every series, and the labels are exactly those of the table.
 */
export function encodeMetrics(samples: readonly Sample[], times: PushTimes): Uint8Array {
  const writer = new ProtobufWriter(128 * samples.length + 1024);
  const encoder = new Encoder(writer, times);
  writer.message(REQUEST.resourceMetrics, () => {
    writer.message(RESOURCE_METRICS.scopeMetrics, () => {
      for (const [name, group] of Map.groupBy(samples, (sample) => sample.metric))
        writer.message(SCOPE_METRICS.metrics, () => encoder.metric(name, group));
    });
  });
  return writer.finish();
}

class Encoder {
  readonly #writer: ProtobufWriter;
  readonly #at: bigint;
  readonly #since: bigint;
  /** Samples of a unit share their labels. */
  readonly #attributes = new Map<Sample['labels'], Uint8Array>();

  constructor(writer: ProtobufWriter, { at, countersSince }: PushTimes) {
    this.#writer = writer;
    this.#at = nanoseconds(at);
    this.#since = nanoseconds(countersSince);
  }

  metric(name: MetricName, samples: readonly Sample[]): void {
    const writer = this.#writer;
    const { type, help, unit }: MetricRow = METRICS[name];
    const isCounter = type === 'counter';
    writer.string(METRIC.name, name).string(METRIC.description, help).string(METRIC.unit, unit);
    writer.message(isCounter ? METRIC.sum : METRIC.gauge, () => {
      for (const sample of samples) writer.message(DATA.points, () => this.#point(sample, isCounter));
      if (isCounter) writer.uint(DATA.temporality, CUMULATIVE).uint(DATA.monotonic, 1);
    });
  }

  #point({ at, labels, value }: Sample, isCounter: boolean): void {
    const writer = this.#writer;
    if (isCounter) writer.fixed64(POINT.start, this.#since);
    writer.fixed64(POINT.time, at === undefined ? this.#at : nanoseconds(at));
    if (value === null) writer.uint(POINT.flags, NO_RECORDED_VALUE);
    else writer.double(POINT.double, value);
    writer.raw(this.#attributesOf(labels));
  }

  #attributesOf(labels: Sample['labels']): Uint8Array {
    const known = this.#attributes.get(labels);
    if (known) return known;
    const writer = new ProtobufWriter(256);
    for (const [key, value] of Object.entries(labels))
      writer.message(POINT.attributes, () => {
        writer.string(KEY_VALUE.key, key);
        writer.message(KEY_VALUE.value, () => writer.string(ANY_VALUE.string, value));
      });
    const attributes = writer.finish();
    this.#attributes.set(labels, attributes);
    return attributes;
  }
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms)) * 1_000_000n;
}

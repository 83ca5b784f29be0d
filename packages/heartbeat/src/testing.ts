import protobuf from 'protobufjs';

/** The messages of OTLP that metrics without histograms are made of, as opentelemetry-proto numbers them. */
const SCHEMA = `
  syntax = "proto3";
  message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message ScopeMetrics { InstrumentationScope scope = 1; repeated Metric metrics = 2; string schema_url = 3; }
  message InstrumentationScope { string name = 1; string version = 2; }
  message Metric { string name = 1; string description = 2; string unit = 3; oneof data { Gauge gauge = 5; Sum sum = 7; } }
  message Gauge { repeated NumberDataPoint data_points = 1; }
  message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
  message NumberDataPoint {
    fixed64 start_time_unix_nano = 2;
    fixed64 time_unix_nano = 3;
    oneof value { double as_double = 4; sfixed64 as_int = 6; }
    repeated KeyValue attributes = 7;
    uint32 flags = 8;
  }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`;

/** One data point as a receiver sees it. */
export interface ReceivedPoint {
  metric: string;
  description: string;
  unit: string;
  /** `counter` for a cumulative, monotonic sum. */
  type: 'gauge' | 'counter' | 'other sum';
  labels: Record<string, string>;
  /** null for the end of a series. */
  value: number | null;
  /** Milliseconds since 1970; `since` is the start of a counter. */
  at: number;
  since: number | null;
}

interface DecodedPoint {
  timeUnixNano: string;
  startTimeUnixNano?: string;
  asDouble?: number;
  flags?: number;
  attributes: { key: string; value: { stringValue: string } }[];
}

interface Decoded {
  resourceMetrics: {
    scopeMetrics: {
      metrics: {
        name: string;
        description: string;
        unit?: string;
        gauge?: { dataPoints: DecodedPoint[] };
        sum?: { dataPoints: DecodedPoint[]; aggregationTemporality: number; isMonotonic: boolean };
      }[];
    }[];
  }[];
}

const REQUEST = protobuf.parse(SCHEMA).root.lookupType('ExportMetricsServiceRequest');

/** Decodes an OTLP request with a Protocol Buffers library that the heartbeat does not use. Throws for garbage. */
export function decodeMetrics(body: Uint8Array): ReceivedPoint[] {
  const request = REQUEST.toObject(REQUEST.decode(body), { longs: String }) as Decoded;
  const metrics = request.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  return metrics.flatMap(({ name, description, unit = '', gauge, sum }) => {
    const isCounter = sum?.aggregationTemporality === 2 && sum.isMonotonic;
    const type = gauge ? 'gauge' : isCounter ? 'counter' : 'other sum';
    return (gauge ?? sum)?.dataPoints.map((point) => received(point, { metric: name, description, unit, type })) ?? [];
  });
}

function received(
  point: DecodedPoint,
  of: Pick<ReceivedPoint, 'metric' | 'description' | 'unit' | 'type'>,
): ReceivedPoint {
  const milliseconds = (nanoseconds: string) => Number(BigInt(nanoseconds) / 1_000_000n);
  return {
    ...of,
    labels: Object.fromEntries(point.attributes.map(({ key, value }) => [key, value.stringValue])),
    value: point.flags === 1 ? null : (point.asDouble ?? Number.NaN),
    at: milliseconds(point.timeUnixNano),
    since: point.startTimeUnixNano === undefined ? null : milliseconds(point.startTimeUnixNano),
  };
}

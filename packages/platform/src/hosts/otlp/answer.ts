/** The two ways in which OTLP/HTTP speaks. */
export type Encoding = 'protobuf' | 'json';

export const CONTENT_TYPE: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** Codes of google.rpc.Status for the HTTP statuses that are answered here. */
const RPC_CODES: Readonly<Record<number, number>> = { 400: 3, 401: 16, 413: 8, 415: 3, 429: 8, 503: 14 };
const RPC_INTERNAL = 13;

/** An ExportMetricsServiceResponse. `rejected` points were not taken for the reason in `message`; none, and the answer is empty. */
export function exportResponse(encoding: Encoding, rejected: number, message: string): Buffer {
  if (encoding === 'json') {
    const partialSuccess = { rejectedDataPoints: String(rejected), errorMessage: message };
    return Buffer.from(JSON.stringify(rejected > 0 ? { partialSuccess } : {}));
  }
  if (rejected === 0) return Buffer.alloc(0);
  const partial = Buffer.concat([tag(1, 0), varint(rejected), text(2, message)]);
  return Buffer.concat([tag(1, 2), varint(partial.length), partial]);
}

/** A google.rpc.Status: why a push was refused as a whole. */
export function statusResponse(encoding: Encoding, httpStatus: number, message: string): Buffer {
  const code = RPC_CODES[httpStatus] ?? RPC_INTERNAL;
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }));
  return Buffer.concat([tag(1, 0), varint(code), text(2, message)]);
}

function text(field: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([tag(field, 2), varint(bytes.length), bytes]);
}

function tag(field: number, kind: number): Buffer {
  return Buffer.from([(field << 3) | kind]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

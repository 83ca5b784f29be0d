import { finished } from 'node:stream/promises';
import type { Transaction } from './database.ts';
import type { NewFrame } from './frames.ts';

/** PostgreSQL counts microseconds from here. */
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1);
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const NO_FLAGS = Buffer.alloc(8);
const END = Buffer.from([0xff, 0xff]);
/** Count of fields, then for the seven fields before the data their lengths and values, and the length of the data. */
const HEAD_BYTES = 2 + 4 * 8 + 16 + 4 + 4 + 8 + 4 + 8 + 8;

/**
 * Stores frames by COPY in PostgreSQL's binary format. As parameters their bytes would be written out in hexadecimal and
 * copied several times: with a loud log that is most of what the process does, and ten times its log in garbage.
 */
export async function copyFrames(sql: Transaction, frames: readonly NewFrame[]): Promise<void> {
  if (frames.length === 0) return;
  // Before the COPY begins: a number that can't be written must not leave it half done.
  const rows = frames.map((frame) => ({ head: head(frame), data: frame.data }));
  const query = sql`
    COPY frames (job_id, attempt, sequence, first_line, lines, first_time, last_time, data) FROM STDIN (FORMAT binary)`;
  const refused = rejectionOf(query);
  const copy = await query.writable();
  copy.write(Buffer.concat([SIGNATURE, NO_FLAGS]));
  for (const row of rows) {
    copy.write(row.head);
    copy.write(row.data);
  }
  copy.end(END);
  await Promise.race([finished(copy), refused]);
}

/**
 * Rejects when the database refuses the query or is lost. The client tells that to the query alone, which was resolved
 * with the stream: a stream that was ended by then would never be heard of again.
 */
function rejectionOf(query: object): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const told: unknown = Reflect.get(query, 'reject');
  if (typeof told !== 'function') throw new TypeError('a query of the PostgreSQL client has no method reject');
  Reflect.set(query, 'reject', (error: unknown) => {
    told(error);
    reject(error);
  });
  // Where the stream fails as well, nobody waits for this one any more.
  promise.catch(() => {});
  return promise;
}

function head(frame: NewFrame): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES);
  let at = bytes.writeInt16BE(8);
  at = bytes.writeInt32BE(16, at);
  at += bytes.write(frame.jobId.replaceAll('-', ''), at, 'hex');
  at = int4(bytes, frame.attempt, at);
  at = int4(bytes, frame.sequence, at);
  at = int8(bytes, BigInt(frame.firstLine), at);
  at = int4(bytes, frame.lines, at);
  at = int8(bytes, timestamp(frame.firstTime), at);
  at = int8(bytes, timestamp(frame.lastTime), at);
  bytes.writeInt32BE(frame.data.length, at);
  return bytes;
}

function int4(bytes: Buffer, value: number, at: number): number {
  return bytes.writeInt32BE(value, bytes.writeInt32BE(4, at));
}

function int8(bytes: Buffer, value: bigint, at: number): number {
  return bytes.writeBigInt64BE(value, bytes.writeInt32BE(8, at));
}

function timestamp(ms: number): bigint {
  return BigInt(Math.round((ms - POSTGRES_EPOCH_MS) * 1000));
}

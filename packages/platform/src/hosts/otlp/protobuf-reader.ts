import { MalformedPush } from './points.ts';

/** Kinds of fields on the wire. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * Reads the fields of one protobuf message from left to right. Nothing is copied, nothing recurses by itself, and bytes that end
 * early or make no sense throw MalformedPush: `while (reader.next()) switch (reader.field) …`.
 */
export class ProtobufReader {
  /** Number of the field that `next` found. */
  field = 0;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;
  #kind = VARINT;
  #isRead = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Goes on to the next field, past the value of the one before when nobody read it. False at the end. */
  next(): boolean {
    if (!this.#isRead) this.#skip();
    if (this.#at === this.#bytes.length) return false;
    const tag = this.#varint();
    this.field = Number(tag >> 3n);
    this.#kind = Number(tag & 7n);
    this.#isRead = false;
    if (this.field === 0) throw new MalformedPush('the protobuf has a field with the number 0');
    return true;
  }

  /** The value as bytes: of a text or a message within. */
  bytes(): Uint8Array {
    this.#expect(BYTES);
    const length = Number(this.#varint());
    return this.#take(length);
  }

  /** The value as a message of its own. */
  message(): ProtobufReader {
    return new ProtobufReader(this.bytes());
  }

  text(): string {
    return Buffer.from(this.bytes()).toString('utf8');
  }

  /** An unsigned number of up to 53 bits; larger ones lose their last digits. */
  uint(): number {
    this.#expect(VARINT);
    return Number(this.#varint());
  }

  double(): number {
    this.#expect(FIXED64);
    return this.#view.getFloat64(this.#move(8), true);
  }

  fixed64(): bigint {
    this.#expect(FIXED64);
    return this.#view.getBigUint64(this.#move(8), true);
  }

  sfixed64(): bigint {
    this.#expect(FIXED64);
    return this.#view.getBigInt64(this.#move(8), true);
  }

  #expect(kind: number): void {
    if (this.#kind !== kind) throw new MalformedPush(`field ${this.field} of the protobuf has the wrong kind`);
    this.#isRead = true;
  }

  #skip(): void {
    this.#isRead = true;
    if (this.#kind === VARINT) this.#varint();
    else if (this.#kind === FIXED64) this.#move(8);
    else if (this.#kind === FIXED32) this.#move(4);
    else if (this.#kind === BYTES) this.#take(Number(this.#varint()));
    else throw new MalformedPush(`field ${this.field} of the protobuf has a kind that is not used any more`);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#view.getUint8(this.#move(1));
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedPush('the protobuf has a number of more than ten bytes');
  }

  #take(length: number): Uint8Array {
    const from = this.#move(length);
    return this.#bytes.subarray(from, from + length);
  }

  #move(length: number): number {
    const from = this.#at;
    if (from + length > this.#bytes.length) throw new MalformedPush('the protobuf ends early');
    this.#at = from + length;
    return from;
  }
}

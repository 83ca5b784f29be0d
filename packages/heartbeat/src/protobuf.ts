/** Room for the length of an embedded message before it is known. */
const LENGTH_ROOM = 5;

/**
 * Writes Protocol Buffers messages into one growing buffer: fields in the order of the calls, as the encoding's specification
 * describes them.
 */
export class ProtobufWriter {
  #buffer: Buffer;
  #length = 0;

  /** @param size bytes to begin with */
  constructor(size = 1024) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** What was written. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  string(field: number, text: string): this {
    return this.bytes(field, Buffer.from(text, 'utf8'));
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#varint((field << 3) | 2);
    this.#varint(bytes.length);
    return this.raw(bytes);
  }

  /** Fields that another writer made. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** An embedded message: the fields that `write` writes. */
  message(field: number, write: () => void): this {
    this.#varint((field << 3) | 2);
    this.#reserve(LENGTH_ROOM);
    const before = this.#length;
    const start = before + LENGTH_ROOM;
    this.#length = start;
    write();
    const end = this.#length;
    this.#length = before;
    this.#varint(end - start);
    this.#buffer.copyWithin(this.#length, start, end);
    this.#length += end - start;
    return this;
  }

  /** An unsigned number below 2^31, a boolean or an enum. */
  uint(field: number, value: number): this {
    this.#varint(field << 3);
    this.#varint(value);
    return this;
  }

  double(field: number, value: number): this {
    this.#varint((field << 3) | 1);
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
    return this;
  }

  fixed64(field: number, value: bigint): this {
    this.#varint((field << 3) | 1);
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64LE(value, this.#length);
    return this;
  }

  #varint(value: number): void {
    this.#reserve(LENGTH_ROOM);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

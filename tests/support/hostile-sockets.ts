import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { encodeFrame, type FrameHeader } from '@kiln/protocol/frame.ts';
import WebSocket from 'ws';
import { nastyJson } from './hostile-values.ts';
import type { Random } from './random.ts';

const UUID = '00000000-0000-4000-8000-000000000000';
/** Types of messages that one of the sockets knows. */
const TYPES = [
  'follow.log',
  'follow.runs',
  'unfollow.log',
  'subscribe',
  'unsubscribe',
  'ping',
  'hello',
  'job.finished',
  'metrics',
];
const FIELDS = [
  'jobId',
  'task_id',
  'attempt',
  'from',
  'since',
  'name',
  'slots',
  'labels',
  'running',
  'progress',
  'text',
];

/** A server that does not read for so long is left. */
const UNREAD_MS = 5000;

/** A WebSocket of somebody who means harm. */
export class HostileSocket {
  readonly socket: WebSocket;
  /** The code that the server closed with; 1006 where it cut the connection, null while it is open. */
  closed: number | null = null;
  readonly #ended: Promise<void>;

  constructor(url: string, token: string) {
    this.socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
    this.socket.on('error', () => {});
    this.#ended = new Promise((done) =>
      this.socket.on('close', (code) => {
        this.closed = code;
        done();
      }),
    );
  }

  /** Waits until it is open; false where it was refused. */
  async opened(): Promise<boolean> {
    if (this.socket.readyState === WebSocket.CONNECTING)
      await Promise.race([new Promise((done) => this.socket.once('open', done)), this.#ended]);
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(data: string | Uint8Array): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  /** Sends the same over and over without reading what comes back, up to so many bytes, or until it is thrown out. */
  async flood(data: string | Uint8Array, bytes: number): Promise<void> {
    this.socket.pause();
    for (let sent = 0; sent < bytes && this.socket.readyState === WebSocket.OPEN; sent += data.length) {
      this.socket.send(data);
      if (this.socket.bufferedAmount < 1_000_000) continue;
      // A server that does not read is a good answer to a flood, too.
      for (let tries = 0; tries < 50 && this.socket.bufferedAmount > 500_000; tries++) await sleep(10);
      if (this.socket.bufferedAmount > 500_000) break;
    }
    this.socket.resume();
  }

  /** Writes bytes below the protocol of WebSockets. */
  sendRaw(bytes: Uint8Array): void {
    const wire: unknown = Reflect.get(this.socket, '_socket');
    if (typeof wire === 'object' && wire !== null && 'write' in wire && typeof wire.write === 'function')
      wire.write(bytes);
  }

  /** Waits for the server to close it. */
  async thrownOut(): Promise<void> {
    await this.#ended;
  }

  /** Waits until the server has been through all that was sent, has closed, or does not read for too long; then leaves. */
  async leave(): Promise<void> {
    const answered = new Promise((done) => this.socket.once('pong', done));
    if (this.socket.readyState === WebSocket.OPEN) this.socket.ping();
    await Promise.race([this.#ended, answered, sleep(UNREAD_MS, undefined, { ref: false })]);
    this.socket.terminate();
    await this.#ended;
  }
}

/** A message that is nearly one of the protocols'. */
export function nastyMessage(random: Random): string | Uint8Array {
  return random.pick<() => string | Uint8Array>([
    () => random.bytes(random.between(0, 3000)),
    () => nastyFrame(random),
    () => nastyFrame(random),
    () => nastyJson(random).slice(0, 4000),
    () => '['.repeat(4000),
    () => {
      const fields = FIELDS.filter(() => random.next() < 0.3).map((name) => `"${name}":${field(random)}`);
      return `{${[`"type":"${random.pick(TYPES)}"`, ...fields].join(',')}}`;
    },
  ])();
}

/** A log frame whose header lies. */
export function nastyFrame(random: Random): Uint8Array {
  const header: FrameHeader = {
    v: 1,
    job: UUID,
    attempt: random.pick([1, 0, 2 ** 40]),
    sequence: random.pick([1, -1, 2 ** 31]),
    firstLine: random.pick([1, 0, Number.MAX_SAFE_INTEGER]),
    lines: random.pick([1, 2 ** 30]),
    bytes: random.pick([6, 2 ** 40]),
    runs: [[random.pick([1, 2 ** 30]), random.pick([0, -1, 1e300]), random.pick([1, 9]), 'output', 0, 0]],
  };
  const frame = encodeFrame(header, random.next() < 0.5 ? random.bytes(50) : zstdCompressSync(Buffer.alloc(1_000_000)));
  if (random.next() < 0.3) new DataView(frame.buffer).setUint32(4, random.pick([0, 2 ** 32 - 1, 7]), true);
  return random.next() < 0.2 ? frame.subarray(0, random.between(0, frame.length)) : frame;
}

/** Bytes that break the rules of WebSockets: reserved bits, no mask, a size of 2^63, a close of one byte, a ping of 200 bytes. */
export const BROKEN_FRAMES: readonly Uint8Array[] = [
  Buffer.of(0xf1, 0x80, 0, 0, 0, 0),
  Buffer.of(0x81, 0x05, 1, 2, 3, 4, 5),
  Buffer.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4),
  Buffer.of(0x88, 0x81, 0, 0, 0, 0, 1),
  Buffer.concat([Buffer.of(0x89, 0xfe, 0, 200, 0, 0, 0, 0), Buffer.alloc(200)]),
  Buffer.of(0x80, 0x81, 0, 0, 0, 0, 1),
  Buffer.of(0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe),
  Buffer.of(0x83, 0x80, 0, 0, 0, 0),
];

function field(random: Random): string {
  return random.next() < 0.4
    ? JSON.stringify(random.pick([UUID, 'all', 1, -1, [], {}]))
    : nastyJson(random).slice(0, 3000);
}

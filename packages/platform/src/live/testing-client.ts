import type { LiveMessage, LiveRequest } from '@kiln/protocol/live.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import { vi } from 'vitest';
import { WebSocket } from 'ws';
import type { TestPlatform } from '../testing.ts';

/** A client of the live socket that keeps what it was sent. */
export class LiveClient {
  readonly socket: WebSocket;
  readonly messages: LiveMessage[] = [];
  readonly frames: { sequence: number; firstLine: number; lines: number }[] = [];
  /** The code that the server closed with. */
  closed: number | null = null;

  constructor(
    p: Pick<TestPlatform, 'url' | 'adminToken'>,
    headers: Record<string, string> = { authorization: `Bearer ${p.adminToken}` },
  ) {
    this.socket = new WebSocket(`${p.url.replace('http', 'ws')}/api/live`, { headers });
    this.socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.frames.push(readFrame(data).header);
      else this.messages.push(JSON.parse(data.toString()));
    });
    this.socket.on('close', (code) => {
      this.closed = code;
    });
  }

  send(message: LiveRequest | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The first message of a type; waits for it. */
  async got(type: LiveMessage['type'], timeout = 20_000): Promise<LiveMessage> {
    return await vi.waitUntil(() => this.messages.find((message) => message.type === type), { timeout, interval: 5 });
  }

  /** Of the frames, in the order in which they came. */
  get sequences(): number[] {
    return this.frames.map((frame) => frame.sequence);
  }
}

/** A client that is connected and was greeted. */
export async function connect(
  p: Pick<TestPlatform, 'url' | 'adminToken'>,
  headers?: Record<string, string>,
): Promise<LiveClient> {
  const client = new LiveClient(p, headers);
  await client.got('hello');
  return client;
}

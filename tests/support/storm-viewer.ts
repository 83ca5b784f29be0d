import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import type { LiveMessage } from '@kiln/protocol/live.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import WebSocket from 'ws';
import type { Farm } from './farm.ts';

/** What a viewer saw of a log from its first line to its end. */
export interface Seen {
  lines: number;
  /** SHA-256 of the text, in hex. */
  sha256: string;
  /** How often it had to connect. */
  connections: number;
}

const PAUSE_MS = 100;

/**
 * Watches an attempt's log over the live socket like an open page: connects again whenever the connection is lost and goes on
 * with the next line. Throws when a line is missing, or comes twice.
 */
export async function watchLog(farm: Farm, jobId: string, attempt: number, signal: AbortSignal): Promise<Seen> {
  const hash = createHash('sha256');
  const seen = { lines: 0, connections: 0 };
  while (!signal.aborted) {
    seen.connections++;
    if (await follow(farm, { jobId, attempt }, { hash: (text) => hash.update(text), seen }, signal))
      return { ...seen, sha256: hash.digest('hex') };
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => {});
  }
  throw new Error(`the viewer of attempt ${attempt} of job ${jobId} saw ${seen.lines} lines and no end`);
}

/** One connection; true when the log ended. */
async function follow(
  farm: Farm,
  log: { jobId: string; attempt: number },
  into: { hash: (text: Buffer) => void; seen: { lines: number } },
  signal: AbortSignal,
): Promise<boolean> {
  const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/api/live`, {
    headers: { authorization: `Bearer ${farm.token}` },
    perMessageDeflate: false,
  });
  const close = () => socket.terminate();
  signal.addEventListener('abort', close);
  try {
    return await new Promise<boolean>((done, fail) => {
      socket.on('open', () => socket.send(JSON.stringify({ type: 'follow.log', ...log, from: into.seen.lines + 1 })));
      // A close follows.
      socket.on('error', () => {});
      socket.on('close', () => done(false));
      socket.on('message', (data: Buffer, binary: boolean) => {
        if (binary) {
          const { header, compressed } = readFrame(data);
          if (header.firstLine !== into.seen.lines + 1)
            fail(new Error(`job ${log.jobId}: line ${header.firstLine} came after line ${into.seen.lines}`));
          into.hash(zstdDecompressSync(compressed));
          into.seen.lines += header.lines;
          return;
        }
        const message = JSON.parse(data.toString()) as LiveMessage;
        if (message.type === 'error') fail(new Error(`job ${log.jobId}: ${message.code}: ${message.message}`));
        if (message.type !== 'log.end') return;
        if (message.lines !== into.seen.lines)
          fail(new Error(`job ${log.jobId}: the end says ${message.lines} lines, ${into.seen.lines} came`));
        done(true);
      });
    });
  } finally {
    signal.removeEventListener('abort', close);
    socket.terminate();
  }
}

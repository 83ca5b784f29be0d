import { pipeline, Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import { frameText } from '@kiln/store/logs/log-lines.ts';
import type { LogStore } from '@kiln/store/logs/log-store.ts';
import type { LogStanding } from '@kiln/store/logs/standing.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type LogFilter, passesAll } from '../../search/filter.ts';
import { lineRange } from '../../search/line-range.ts';
import { accepts } from './encodings.ts';
import { passingLines } from './filtered-lines.ts';

export interface LogDownload {
  logs: LogStore;
  jobId: string;
  standing: LogStanding;
  format: 'text' | 'jsonl';
  filter: LogFilter;
}

const TYPES = { text: 'text/plain; charset=utf-8', jsonl: 'application/jsonl; charset=utf-8' };

/**
 * Sends a log as far as it was written when it was asked for, frame by frame at the speed of the reader: whatever its
 * size, a few frames are in memory. Stored frames, one after the other, are a zstd stream of the text, so a whole log as
 * text goes out as it is stored to who takes that; everything else by gzip, or plain. A reader that goes away ends it.
 */
export async function sendLog(
  request: FastifyRequest,
  reply: FastifyReply,
  download: LogDownload,
): Promise<FastifyReply> {
  const { jobId, standing, format, filter } = download;
  const accepted = request.headers['accept-encoding'];
  const whole = format === 'text' && passesAll(filter);
  const encoding = whole && accepts(accepted, 'zstd') ? 'zstd' : accepts(accepted, 'gzip') ? 'gzip' : null;
  reply.header('content-type', TYPES[format]);
  reply.header(
    'content-disposition',
    `inline; filename="${jobId}-${standing.attempt}.${format === 'text' ? 'txt' : 'jsonl'}"`,
  );
  reply.header('cache-control', 'no-store');
  reply.header('vary', 'accept-encoding');
  // No frames at all are no zstd stream either.
  if (encoding && standing.lines > 0) reply.header('content-encoding', encoding);
  if (request.method === 'HEAD' || standing.lines === 0) return await reply.send(Readable.from([]));
  const source = Readable.from(encoding === 'zstd' ? stored(download) : decoded(download, whole), {
    objectMode: false,
  });
  if (encoding !== 'gzip') return await reply.send(source);
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  // Both streams end together, and fastify hears of an error by the second.
  pipeline(source, gzip, () => undefined);
  return await reply.send(gzip);
}

async function* stored({ logs, jobId, standing }: LogDownload): AsyncGenerator<Uint8Array> {
  for await (const frame of logs.framesFromLine(jobId, standing, 1)) yield frame.data;
}

async function* decoded(download: LogDownload, whole: boolean): AsyncGenerator<Buffer> {
  const { logs, jobId, standing, format, filter } = download;
  const { first, last } = await lineRange(logs, jobId, standing, filter, 1);
  if (first > last) return;
  for await (const frame of logs.framesFromLine(jobId, standing, first)) {
    if (frame.firstLine > last) return;
    if (whole) yield await frameText(frame);
    else {
      const lines = await passingLines(frame, filter);
      if (lines.length === 0) continue;
      yield Buffer.from(lines.map((line) => `${format === 'text' ? line.text : JSON.stringify(line)}\n`).join(''));
    }
  }
}

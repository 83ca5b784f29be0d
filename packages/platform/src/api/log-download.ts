import { Readable } from 'node:stream';
import type { Database } from '@kiln/store/database.ts';
import { frameLines, frameText } from '@kiln/store/reads/log-lines.ts';
import { framesFromLine, type LogStanding } from '@kiln/store/reads/log-pages.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface LogDownload {
  db: Database;
  jobId: string;
  standing: LogStanding;
  format: 'text' | 'jsonl';
}

/**
 * Sends a log as far as it was written when it was asked for, frame by frame at the speed of the reader: whatever its
 * size, a few frames are in memory. Stored frames, one after the other, are a zstd stream of the text.
 */
export async function sendLog(
  request: FastifyRequest,
  reply: FastifyReply,
  download: LogDownload,
): Promise<FastifyReply> {
  const { jobId, standing, format } = download;
  const passes = format === 'text' && acceptsZstd(request.headers['accept-encoding']);
  const name = `${jobId}-${standing.attempt}.${format === 'text' ? 'txt' : 'jsonl'}`;
  reply.header('content-type', format === 'text' ? 'text/plain; charset=utf-8' : 'application/jsonl; charset=utf-8');
  reply.header('content-disposition', `inline; filename="${name}"`);
  reply.header('cache-control', 'no-store');
  reply.header('vary', 'accept-encoding');
  if (passes && standing.lines > 0) reply.header('content-encoding', 'zstd');
  return await reply.send(Readable.from(passes ? stored(download) : decoded(download), { objectMode: false }));
}

async function* stored({ db, jobId, standing }: LogDownload): AsyncGenerator<Uint8Array> {
  for await (const frame of framesFromLine(db, jobId, standing, 1)) yield frame.data;
}

async function* decoded({ db, jobId, standing, format }: LogDownload): AsyncGenerator<Buffer> {
  for await (const frame of framesFromLine(db, jobId, standing, 1)) {
    if (format === 'text') yield await frameText(frame);
    else yield Buffer.from((await frameLines(frame)).map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}

/** Whether a client takes zstd: named, and not with a weight of 0. */
export function acceptsZstd(header: string | string[] | undefined): boolean {
  const entries = String(header ?? '')
    .toLowerCase()
    .split(',');
  const entry = entries.map((part) => part.trim().split(/\s*;\s*/)).find(([name]) => name === 'zstd');
  return entry !== undefined && !/^q=0(\.0*)?$/.test(entry[1] ?? '');
}

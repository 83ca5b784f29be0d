import { randomUUID } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import type { LogLine } from '@kiln/protocol/api.ts';
import { encodeFrame, type LineRun } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import type { BlobStore } from '@kiln/store/blobs/blob-store.ts';
import type { Database } from '@kiln/store/database.ts';
import type { NewFrame } from '@kiln/store/frames.ts';
import { frameLines } from '@kiln/store/logs/log-lines.ts';
import type { LogStore } from '@kiln/store/logs/log-store.ts';
import { claim, finish, seedAgent, seedFrames, seedRun, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import { type RetentionFigures, registerRetentionFigures } from './figures.ts';

/** A log for tests, and all that a reader should be told of it. */
export interface TestLog {
  jobId: string;
  attempt: number;
  lines: LogLine[];
  /** The lines as `zstd -d` prints them. */
  text: string;
}

const START = Date.UTC(2026, 4, 7, 14, 32, 11);

/** Figures that nobody looks at. */
export function testFigures(db: Database): RetentionFigures {
  return registerRetentionFigures(db, createMetrics('kiln_orch_'));
}

/**
 * An attempt with a log of so many frames of so many lines, ended unless `ends` is false. Every line has its own time; some
 * are warnings or errors, and the step changes now and then. `damage` changes a frame before it is stored.
 */
export async function testLog(
  db: Database,
  options: { frames?: number; lines?: number; ends?: boolean; damage?: (frame: NewFrame) => void } = {},
): Promise<TestLog> {
  const { frames = 20, lines = 50, ends = true, damage = () => {} } = options;
  const name = randomUUID();
  const agentId = await seedAgent(db, name);
  await seedRun(db, testRecipe(`r${name.slice(0, 8)}`), '1');
  const [job] = await claim(db, agentId, name);
  if (!job) throw new Error('no job was claimed');
  const all: LogLine[] = [];
  const made = Array.from({ length: frames }, (_, index) => {
    const some = Array.from({ length: lines }, (_line, offset) => lineOf(index * lines + offset + 1));
    all.push(...some);
    const frame = frameOf(job, index + 1, some);
    damage(frame);
    return frame;
  });
  if (made.length > 0) await seedFrames(db, made);
  if (ends) await finish(db, job, null, frames);
  return { jobId: job.jobId, attempt: job.attempt, lines: all, text: all.map((line) => `${line.text}\n`).join('') };
}

/** An index of LOG_LEVELS: an error now and then, more often a warning. */
function levelOf(line: number): number {
  return line % 97 === 0 ? 3 : line % 31 === 0 ? 2 : 1;
}

function lineOf(line: number): LogLine {
  return {
    line,
    time: new Date(START + line * 7).toISOString(),
    level: LOG_LEVELS[levelOf(line)] ?? 'INFO',
    component: line % 50 === 1 ? 'kiln' : 'output',
    phase: 0,
    step: Math.floor(line / 300),
    text: `line ${line} ${'x'.repeat(line % 40)} é`,
  };
}

function frameOf(
  job: { jobId: string; attempt: number; fence: number },
  sequence: number,
  lines: readonly LogLine[],
): NewFrame {
  const text = lines.map((line) => `${line.text}\n`).join('');
  const runs = lines.map(({ line, time, component, phase, step }): LineRun => {
    return [1, Date.parse(time), levelOf(line), component, phase, step];
  });
  const firstLine = lines[0]?.line ?? 1;
  const bytes = Buffer.byteLength(text);
  const { jobId, attempt, fence } = job;
  const head = { v: 1 as const, job: jobId, attempt, sequence, firstLine, lines: lines.length, bytes, runs };
  const data = encodeFrame(head, zstdCompressSync(text));
  const [firstTime, lastTime] = [runs[0]?.[1] ?? 0, runs.at(-1)?.[1] ?? 0];
  return { jobId, attempt, fence, sequence, firstLine, lines: lines.length, bytes, firstTime, lastTime, data };
}

/** Every line of a log, as a reader gets them frame by frame. */
export async function readAll(logs: LogStore, { jobId, attempt }: TestLog, from = 1): Promise<LogLine[]> {
  const standing = await logs.standing(jobId, attempt);
  if (!standing) throw new Error('the attempt is gone');
  const lines: LogLine[] = [];
  for await (const frame of logs.framesFromLine(jobId, standing, from)) lines.push(...(await frameLines(frame)));
  return lines.filter(({ line }) => line >= from);
}

/** The keys of all blobs. */
export async function blobKeys(blobs: BlobStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of blobs.list('')) keys.push(key);
  return keys;
}

/** Makes an attempt's end as long ago as this many days. */
export async function age(db: Database, { jobId, attempt }: TestLog, days: number): Promise<void> {
  await db`
    UPDATE attempts SET finished_at = now() - ${days} * interval '1 day' WHERE job_id = ${jobId} AND attempt = ${attempt}`;
}

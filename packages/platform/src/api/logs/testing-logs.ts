import { randomUUID } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { encodeFrame, type LineRun } from '@kiln/protocol/frame.ts';
import type { Database } from '@kiln/store/database.ts';
import type { NewFrame } from '@kiln/store/frames.ts';
import { claim, seedAgent, seedFrames, seedRun, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import type { ClaimedJob } from '@kiln/store/runs/claim.ts';

/** A line to be stored. `time` is in milliseconds since the epoch, `level` an index into LOG_LEVELS. */
export interface SeedLine {
  text: string;
  time: number;
  level: number;
  component: string;
  phase: number;
  step: number;
}

/** A line of a command, with what a test wants different. */
export function seedLine(text: string, more: Partial<SeedLine> = {}): SeedLine {
  return { text, time: Date.UTC(2026, 4, 7, 14), level: 1, component: 'output', phase: 0, step: 0, ...more };
}

/** A job in progress. */
export async function seedJob(db: Database): Promise<ClaimedJob> {
  const name = randomUUID();
  const agentId = await seedAgent(db, name);
  await seedRun(db, testRecipe(`r${name.slice(0, 8)}`), '1');
  const [job] = await claim(db, agentId, name);
  if (!job) throw new Error('no job was claimed');
  return job;
}

/** A job in progress with these lines in its log, so many to a frame. */
export async function seedLog(db: Database, lines: readonly SeedLine[], perFrame = 500): Promise<ClaimedJob> {
  const job = await seedJob(db);
  await addLines(db, job, lines, perFrame);
  return job;
}

/** Stores lines, behind `before` frames and lines that there are already. */
export async function addLines(
  db: Database,
  job: ClaimedJob,
  lines: readonly SeedLine[],
  perFrame = 500,
  before = { frames: 0, lines: 0 },
): Promise<void> {
  const frames: NewFrame[] = [];
  for (let at = 0; at < lines.length; at += perFrame) {
    const sequence = before.frames + frames.length + 1;
    frames.push(frameOf(job, sequence, before.lines + at + 1, lines.slice(at, at + perFrame)));
  }
  for (let at = 0; at < frames.length; at += 50) await seedFrames(db, frames.slice(at, at + 50));
}

function frameOf(job: ClaimedJob, sequence: number, firstLine: number, lines: readonly SeedLine[]): NewFrame {
  const text = lines.map((line) => `${line.text}\n`).join('');
  const runs = lines.map((l): LineRun => [1, l.time, l.level, l.component, l.phase, l.step]);
  const { jobId, attempt, fence } = job;
  const head = { sequence, firstLine, lines: lines.length, bytes: Buffer.byteLength(text) };
  const data = encodeFrame({ v: 1, job: jobId, attempt, ...head, runs }, zstdCompressSync(text));
  const [firstTime = 0, lastTime = 0] = [lines[0]?.time, lines.at(-1)?.time];
  return { jobId, attempt, fence, ...head, firstTime, lastTime, data };
}

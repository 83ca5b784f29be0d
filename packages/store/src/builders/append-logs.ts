import { createHash } from 'node:crypto';
import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { Database, Transaction } from '../database.ts';
import { type NewFrame, storeFrames } from '../frames.ts';
import { framesOf } from './posted-frames.ts';
import { type MaskedEntry, type PostedLine, postedLines } from './posted-lines.ts';

/** What a builder posted for one task. */
export interface PostedBatch {
  jobId: string;
  /** The builder's name. */
  builder: string;
  /** The builder's own name of the batch; null: its content is its name. */
  batchId: string | null;
  entries: readonly MaskedEntry[];
}

/** What became of a batch. `frames` are those just committed: to be told to whoever follows the log. */
export type Appended =
  | { outcome: 'stored' | 'repeated'; attempt: number; accepted: number; frames: NewFrame[] }
  | { outcome: 'unknown' | 'not_held' | 'batch_reused' }
  | { outcome: 'finished'; status: string };

interface Held {
  attempt: number;
  fence: number;
  lastSequence: number;
  lines: number;
  logBytes: number;
  logCut: boolean;
  logLimit: number;
  phases: PhaseReport[];
  agentName: string | null;
  /** Whether an agent of the other kind runs it: its frames have their own sequence. */
  isAgents: boolean;
  finished: boolean;
  status: string;
}

/**
 * Appends a batch to the log of the attempt that the builder holds. Batches of one attempt come one after the other, so that
 * lines and sequences have no gap; one that was stored before changes nothing, also when the attempt has ended since.
 */
export async function appendBuilderLogs(db: Database, batch: PostedBatch): Promise<Appended> {
  const digest = digestOf(batch.entries);
  return await db.begin(async (sql): Promise<Appended> => {
    const held = await lockAttempt(sql, batch.jobId);
    if (held === 'unknown') return { outcome: 'unknown' };
    if (held?.agentName !== batch.builder || held.isAgents) return { outcome: 'not_held' };
    const name = batch.batchId === null ? `sha256:${digest.toString('hex')}` : `id:${batch.batchId}`;
    const known = await findBatch(sql, batch.jobId, held.attempt, name);
    if (known) {
      if (!digest.equals(known.digest)) return { outcome: 'batch_reused' };
      return { outcome: 'repeated', attempt: held.attempt, accepted: known.accepted, frames: [] };
    }
    if (held.finished) return { outcome: 'finished', status: held.status };
    const frames = await appendLines(sql, batch, held);
    await sql`
      INSERT INTO builder_batches (job_id, attempt, batch, digest, accepted)
      VALUES (${batch.jobId}, ${held.attempt}, ${name}, ${digest}, ${batch.entries.length})`;
    return { outcome: 'stored', attempt: held.attempt, accepted: batch.entries.length, frames };
  });
}

/** Forgets batches that are too old to come again. Returns how many. */
export async function sweepBatches(db: Database): Promise<number> {
  const done = await db`DELETE FROM builder_batches WHERE posted_at < now() - interval '7 days'`;
  return done.count;
}

/** The latest attempt of a job, locked; null when it has none yet. */
async function lockAttempt(sql: Transaction, jobId: string): Promise<Held | null | 'unknown'> {
  const [row] = await sql<Held[]>`
    SELECT a.attempt, a.fence, a.last_sequence, a.lines, a.log_bytes, a.log_cut, a.phases, a.agent_name,
      (j.spec->>'logLimitBytes')::float8 AS log_limit, j.status, a.finished_at IS NOT NULL AS finished,
      EXISTS (SELECT 1 FROM credentials c WHERE c.kind = 'agent' AND c.subject = a.agent_id::text) AS is_agents
    FROM attempts a JOIN jobs j ON j.job_id = a.job_id
    WHERE a.job_id = ${jobId} ORDER BY a.attempt DESC LIMIT 1 FOR UPDATE OF a`;
  if (row) return row;
  const [job] = await sql`SELECT 1 FROM jobs WHERE job_id = ${jobId}`;
  return job ? null : 'unknown';
}

async function findBatch(
  sql: Transaction,
  jobId: string,
  attempt: number,
  name: string,
): Promise<{ digest: Buffer; accepted: number } | undefined> {
  const [row] = await sql<{ digest: Buffer; accepted: number }[]>`
    SELECT digest, accepted FROM builder_batches WHERE job_id = ${jobId} AND attempt = ${attempt} AND batch = ${name}`;
  return row;
}

async function appendLines(sql: Transaction, { jobId, entries }: PostedBatch, held: Held): Promise<NewFrame[]> {
  if (held.logCut) return [];
  const { lines, isCut } = withinLimit(postedLines(entries, held.phases), held.logLimit - held.logBytes, held.logLimit);
  const frames = await framesOf(lines, { jobId, ...held });
  if (frames.length > 0) await storeFrames(sql, frames);
  if (isCut) await sql`UPDATE attempts SET log_cut = true WHERE job_id = ${jobId} AND attempt = ${held.attempt}`;
  return frames;
}

/** As many lines as there is room for, and a line that says so where it ends. */
function withinLimit(lines: PostedLine[], room: number, limit: number): { lines: PostedLine[]; isCut: boolean } {
  let bytes = 0;
  const end = lines.findIndex(({ text }) => {
    bytes += text.length;
    return bytes > room;
  });
  const last = lines[end];
  if (!last) return { lines, isCut: false };
  const text = `✂ the log reached its limit of ${limit.toLocaleString('en')} bytes; what follows is not kept\n`;
  const marker = { time: last.time, level: 2, component: 'kiln', phase: -1, step: -1, text: Buffer.from(text) };
  return { lines: [...lines.slice(0, end), marker], isCut: true };
}

function digestOf(entries: readonly MaskedEntry[]): Buffer {
  return createHash('sha256').update(JSON.stringify(entries)).digest();
}

import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { framesOf, type LogEnd } from './builders/posted-frames.ts';
import type { Transaction } from './database.ts';
import { type NewFrame, storeFrames } from './frames.ts';
import type { Finish } from './runs/finish.ts';

type OpenLog = LogEnd & { lastTime: number | null; text: string };

/**
 * Ends the logs of attempts whose agent can't do it any more with a line of Kiln's own, for those that have `lastWords`. In the
 * transaction that ends the attempts, after their own frames and before `finishAttempts`; lock the runs first. Returns the
 * frames it stored: an attempt that is not to be ended under its fence gets none.
 */
export async function sayLastWords(sql: Transaction, finishes: readonly Finish[]): Promise<NewFrame[]> {
  const given = finishes.filter(({ lastWords }) => lastWords !== undefined);
  if (given.length === 0) return [];
  const json = JSON.stringify(
    given.map(({ jobId, attempt, fence, lastWords }) => ({ job_id: jobId, attempt, fence, text: lastWords })),
  );
  const logs = await sql<OpenLog[]>`
    SELECT a.job_id, a.attempt, a.fence, a.last_sequence, a.lines, g.text,
      (SELECT extract(epoch FROM f.last_time)::float8 * 1000 FROM frames f
        WHERE f.job_id = a.job_id AND f.attempt = a.attempt AND f.sequence = a.last_sequence) AS last_time
    FROM jsonb_to_recordset(${json}::text::jsonb) AS g(job_id uuid, attempt int, fence int8, text text)
    JOIN jobs j ON j.job_id = g.job_id AND j.attempt = g.attempt AND j.fence = g.fence
    JOIN attempts a ON a.job_id = g.job_id AND a.attempt = g.attempt AND a.fence = g.fence
    WHERE j.status IN ('started', 'building', 'cancelling') AND a.finished_at IS NULL
    FOR UPDATE OF a`;
  const frames = (await Promise.all(logs.map(async (log) => await framesOf([lineOf(log)], log)))).flat();
  if (frames.length > 0) await storeFrames(sql, frames);
  return frames;
}

/** Times never go back within a log, and the clock of the agent may be ahead of this one. */
function lineOf({ text, lastTime }: OpenLog) {
  const time = Math.max(Date.now(), Math.ceil(lastTime ?? 0));
  return {
    time,
    level: LOG_LEVELS.indexOf('ERROR'),
    component: 'kiln',
    phase: -1,
    step: -1,
    text: Buffer.from(`${text.replace(/\s*[\r\n]+\s*/g, ' ')}\n`),
  };
}

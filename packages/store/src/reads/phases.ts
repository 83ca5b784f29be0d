import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { Queryable } from '../database.ts';

/** The names of an attempt's phases in their order: the index is what a line of its log says. Empty when there is no such attempt. */
export async function readPhaseNames(sql: Queryable, jobId: string, attempt: number): Promise<string[]> {
  const [row] = await sql<{ phases: Pick<PhaseReport, 'name'>[] }[]>`
    SELECT phases FROM attempts WHERE job_id = ${jobId} AND attempt = ${attempt}`;
  return row?.phases.map(({ name }) => name) ?? [];
}

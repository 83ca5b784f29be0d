import type { Queryable } from './database.ts';

/** A milestone of a request. `message` is one sentence for people; `detail` has the values. */
export interface Milestone {
  requestId: string;
  runId?: string | null;
  jobId?: string | null;
  service: string;
  instance: string;
  name: string;
  message: string;
  detail?: Record<string, unknown>;
}

/** Adds milestones, in the transaction of what they tell about. */
export async function addMilestones(sql: Queryable, milestones: readonly Milestone[]): Promise<void> {
  if (milestones.length === 0) return;
  const json = JSON.stringify(milestones.map((m) => ({ ...m, detail: m.detail ?? {} })));
  await sql`
    INSERT INTO timeline (request_id, run_id, job_id, service, instance, name, message, detail)
    SELECT "requestId", "runId", "jobId", service, instance, name, message, detail
    FROM jsonb_to_recordset(${json}::text::jsonb)
      AS m("requestId" uuid, "runId" uuid, "jobId" uuid, service text, instance text, name text, message text, detail jsonb)`;
}

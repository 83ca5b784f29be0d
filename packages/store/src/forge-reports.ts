import type { Failure } from '@kiln/protocol/agent-messages.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Database, Queryable } from './database.ts';
import { LeaseTable } from './lease.ts';

/** How a run goes, as coarsely as forges want to know it. `running` is everything between the first job's start and the end. */
export type ReportState = 'queued' | 'running' | 'success' | 'failure' | 'cancelled';

/** A run that has a commit of an upstream, seen for the first time. */
export interface NewRun {
  runId: string;
  createdAt: Date;
  /** Address of the upstream. */
  git: string;
  /** `owner/name` of the upstream in lower case, or null when its address has none. */
  repository: string | null;
}

/** Runs are looked at again for this long, so that one whose transaction was slow to commit is not missed. */
const OVERLAP = '1 minute';
/** After a longer break only so much of it is caught up with: nobody waits for the older ones. */
const LONGEST_GAP = '1 day';

/**
 * Where to go on looking for new runs of a forge: where the last look ended, or, for a forge never seen before, now. What ran
 * before a forge was configured is not reported to it.
 */
export async function enrolledTo(sql: Queryable, forge: string): Promise<Date> {
  await sql`INSERT INTO forges (forge, enrolled_to) VALUES (${forge}, now() - ${OVERLAP}::interval) ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ at: Date }[]>`
    SELECT greatest(enrolled_to, now() - ${LONGEST_GAP}::interval) AS at FROM forges WHERE forge = ${forge}`;
  if (!row) throw new Error(`the row of forge ${forge} was removed`);
  return row.at;
}

/** Writes down that all runs created before `at` were looked through. */
export async function setEnrolledTo(sql: Queryable, forge: string, at: Date): Promise<void> {
  await sql`UPDATE forges SET enrolled_to = ${at} WHERE forge = ${forge} AND enrolled_to < ${at}`;
}

/** What a look for new runs found, and from where the next one goes on. */
export interface NewRuns {
  runs: NewRun[];
  /** Runs created before this are all in here, or were in an earlier look. */
  upTo: Date;
}

/** So many new runs at a time. */
const LOOK_LIMIT = 5_000;

/** Runs with a commit of an upstream that were created from `since` on and that no forge is told about yet. */
export async function newRuns(sql: Queryable, since: Date): Promise<NewRuns> {
  const [[clock], runs] = await Promise.all([
    sql<{ upTo: Date }[]>`SELECT now() - ${OVERLAP}::interval AS up_to`,
    sql<NewRun[]>`
      SELECT run_id, created_at, compiled->'upstream'->>'git' AS git, compiled->'upstream'->>'repository' AS repository
      FROM runs r
      WHERE created_at >= ${since} AND commit_hash IS NOT NULL AND compiled->'upstream'->>'git' IS NOT NULL
        AND NOT EXISTS (SELECT FROM forge_reports f WHERE f.run_id = r.run_id)
      ORDER BY created_at LIMIT ${LOOK_LIMIT}`,
  ]);
  const last = runs.length < LOOK_LIMIT ? clock?.upTo : runs.at(-1)?.createdAt;
  return { runs, upTo: last && last > since ? last : since };
}

/** Writes down that a forge is to be told about these runs. */
export async function enrolRuns(
  sql: Queryable,
  forge: string,
  runs: readonly { runId: string; repository: string }[],
): Promise<void> {
  if (runs.length === 0) return;
  const json = JSON.stringify(runs.map(({ runId, repository }) => ({ run_id: runId, repository })));
  await sql`
    INSERT INTO forge_reports (run_id, forge, repository)
    SELECT n.run_id, ${forge}, n.repository
    FROM jsonb_to_recordset(${json}::text::jsonb) AS n(run_id uuid, repository text) JOIN runs USING (run_id)
    ON CONFLICT DO NOTHING`;
}

/**
 * Opens the reports of failed runs that were tried again after they were closed, and closes those that won't be by themselves any
 * more. `thorough`: of all of them; else only of runs under way, which are found at once.
 */
export async function reopenReports(sql: Queryable, forge: string, { thorough }: { thorough: boolean }): Promise<void> {
  const finallyFailed = sql`(r.status = 'failed' AND r.retry_at IS NULL AND r.attempt = f.attempt)`;
  const underWay = sql`AND r.status IN ('queued', 'building', 'publishing', 'cancelling')`;
  await sql`
    UPDATE forge_reports f SET closed = ${finallyFailed} FROM runs r
    WHERE r.run_id = f.run_id AND f.forge = ${forge} AND f.state = 'failure' AND f.closed <> ${finallyFailed}
      ${thorough ? sql`` : underWay}`;
}

/** Who tells a forge about a run. The time is longer than the two calls that one report can take. */
const REPORT_LEASES = new LeaseTable('forge_reports', ['runId'], 30_000);

/** Something that a forge is to be told, under a lease: only its holder tells it and writes down how that went. */
export interface LeasedReport {
  runId: string;
  requestId: string;
  fence: number;
  repository: string;
  state: ReportState;
  attempt: number;
  /** Of the attempt's earlier reports, or null. */
  remoteId: string | null;
  refusals: number;
  /** A younger run of the recipe for the same commit exists, so this is old news. */
  superseded: boolean;
  recipe: string;
  version: string;
  ref: string | null;
  commit: string;
  publishes: CompiledRecipe['publish'];
  failure: Partial<Failure> | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  retryAt: Date | null;
  traceparent: string | null;
}

/** A first wait in the queue is reported when it lasts this long; most runs begin at once. */
const QUEUED_FOR = '5 seconds';

/**
 * Leases up to `limit` reports that are due: the run's state is not what the forge was told last. Others can lease at the
 * same time; none gets the same run. A run that waits for a retry stays reported as failed until the retry begins.
 */
export async function leaseReports(
  sql: Queryable,
  { forge, limit, instance }: { forge: string; limit: number; instance: string },
): Promise<LeasedReport[]> {
  return await sql<LeasedReport[]>`
    WITH due AS (
      SELECT f.run_id, s.state
      FROM forge_reports f JOIN runs r ON r.run_id = f.run_id, LATERAL (
        SELECT CASE r.status WHEN 'queued' THEN 'queued' WHEN 'completed' THEN 'success' WHEN 'failed' THEN 'failure'
          WHEN 'cancelled' THEN 'cancelled' ELSE 'running' END AS state) s
      WHERE f.forge = ${forge} AND NOT f.closed AND f.next_try_at <= now() AND ${REPORT_LEASES.isFree(sql, 'f')}
        AND (f.state, f.attempt) IS DISTINCT FROM (s.state, r.attempt)
        AND (s.state <> 'queued' OR (r.attempt = 1 AND r.created_at < now() - ${QUEUED_FOR}::interval))
      ORDER BY f.next_try_at, r.created_at
      LIMIT ${limit} FOR UPDATE OF f SKIP LOCKED
    ), leased AS (
      ${REPORT_LEASES.lease(sql, instance)}
      RETURNING leased.run_id, fence, repository, remote_id, attempt AS told_attempt, refusals, due.state
    )
    SELECT l.run_id, r.request_id, l.fence, l.repository, l.state, r.attempt, l.refusals, r.recipe, r.version, r.ref,
      CASE WHEN l.told_attempt = r.attempt THEN l.remote_id END AS remote_id,
      r.commit_hash AS commit, r.compiled->'publish' AS publishes, r.failure, r.started_at, r.finished_at, r.retry_at, r.traceparent,
      EXISTS (
        SELECT FROM runs n WHERE n.recipe = r.recipe AND n.commit_hash = r.commit_hash AND n.run_id <> r.run_id
          AND n.created_at > coalesce(r.finished_at, r.started_at, r.created_at)) AS superseded
    FROM leased l JOIN runs r ON r.run_id = l.run_id
    ORDER BY r.created_at`;
}

/** The right to write about a leased report. */
export type ReportLease = Pick<LeasedReport, 'runId' | 'fence' | 'state' | 'attempt' | 'retryAt'>;

/**
 * Writes down what the forge knows now. With `error` it does not know it, but it refused to hear it too often. False: the
 * lease was lost, and whoever holds it now says it again.
 */
export async function reportTold(
  sql: Queryable,
  report: ReportLease,
  { remoteId, error }: { remoteId: string | null; error: string | null },
): Promise<boolean> {
  const { state, attempt, retryAt } = report;
  const isEnd = state === 'success' || state === 'failure' || state === 'cancelled';
  const told = await sql`
    UPDATE forge_reports SET state = ${state}, attempt = ${attempt}, remote_id = ${remoteId}, told_at = now(), next_try_at = now(),
      ${REPORT_LEASES.ended(sql)},
      closed = ${isEnd && retryAt === null}, last_error = ${error},
      refusals = CASE WHEN ${error === null} THEN 0 ELSE refusals + 1 END
    WHERE ${REPORT_LEASES.isHeld(sql, report)}`;
  return told.count > 0;
}

/** Writes down that a report must wait, and why. `refused`: because of what it says, so that it counts towards giving up. */
export async function reportLater(
  sql: Database,
  report: ReportLease,
  { waitMs, refused, error }: { waitMs: number; refused: boolean; error: string },
): Promise<void> {
  const later = sql`
    next_try_at = now() + ${waitMs}::float8 * interval '1 millisecond', last_error = ${error},
    refusals = leased.refusals + ${refused ? 1 : 0}`;
  await REPORT_LEASES.giveBack(sql, [report], later);
}

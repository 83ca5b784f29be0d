import { readdir, readFile } from 'node:fs/promises';
import { ATTEMPT_EDGES, JOB_EDGES, RUN_EDGES } from '@kiln/protocol/states.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Transaction } from '../database.ts';
import type { Edge } from '../edges.ts';
import { testJob, testRecipe } from '../test-run.ts';
import { testDatabase } from '../testing.ts';
import { CANCEL_EDGES, requestCancel } from './cancel.ts';
import { CLAIM_EDGES, claimJobs } from './claim.ts';
import { createRun } from './create.ts';
import {
  beginPublishing,
  CANCEL_RUN,
  COMPLETE_RUN,
  completeRuns,
  endCancelled,
  FAIL_RUN,
  failRun,
  PUBLISH_RUN,
} from './finalize.ts';
import { FINISH_EDGES, type Finish, finishAttempts } from './finish.ts';
import { cancellingAttempts, heldAttempts, heldHere, overdueAttempts } from './held-attempts.ts';
import { isIdle } from './idle.ts';
import { PROGRESS_EDGES, reportProgress } from './progress.ts';
import { leasePublishing } from './publish-lease.ts';
import { dueRetries, RETRY_EDGES, requestRetry, retryRun, untilNextRetry } from './retries.ts';
import { lockRuns, summarizeRuns } from './run-summaries.ts';
import {
  artifactsOfRun,
  artifactsToPublish,
  conflictingPath,
  doneWithOutputs,
  recordArtifact,
  runOfHeldAttempt,
  unknownStagedKeys,
} from './staged-outputs.ts';
import { arrow, type Combination, changesOf, SEEDED, type StateFarm, seedStates } from './testing-states.ts';

/** A function of this folder: the changes that it names, and calls of it for every combination of states. */
interface Statement {
  edges: readonly Edge[];
  /** What its calls make that was not there before. */
  makes?: readonly string[];
  /** Each is done with a farm of its own. */
  calls: readonly ((farm: StateFarm) => Promise<unknown>)[];
}

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

const inTransaction = (work: (sql: Transaction, farm: StateFarm) => Promise<unknown>) => async (farm: StateFarm) =>
  await farm.db.begin(async (sql) => await work(sql, farm));
const forEach = (work: (farm: StateFarm, one: Combination) => Promise<unknown>) => async (farm: StateFarm) =>
  await Promise.all(farm.combinations.map(async (one) => await work(farm, one)));
const forEachInTransaction = (work: (sql: Transaction, one: Combination, farm: StateFarm) => Promise<unknown>) =>
  forEach(async (farm, one) => await farm.db.begin(async (sql) => await work(sql, one, farm)));

const idsOf = ({ combinations }: StateFarm) => combinations.map(({ runId }) => runId);
const jobsOf = ({ combinations }: StateFarm) => combinations.map(({ jobId }) => jobId);
const output = ({ jobId }: Combination) => ({ jobId, ...SEEDED, path: 'a', bytes: 1, sha256: 'x', key: null });

const finish = (how: Pick<Finish, 'outcome' | 'requeueBelow'>) =>
  inTransaction(
    async (sql, farm) =>
      await finishAttempts(
        sql,
        jobsOf(farm).map((jobId) => ({
          ...{ jobId, ...SEEDED, ...how },
          ...{ failure: null, progress: null, lastSequence: 0 },
        })),
      ),
  );
const report = (building: boolean) =>
  inTransaction(
    async (sql, farm) =>
      await reportProgress(
        sql,
        jobsOf(farm).map((jobId) => ({
          ...{ jobId, ...SEEDED, building },
          progress: { percent: 10, text: '', phases: [] },
        })),
      ),
  );
const fail = (max: number | null, final: boolean) =>
  forEachInTransaction(
    async (sql, { runId }) =>
      await failRun(sql, { runId, attempt: 1, retries: { max, backoffSeconds: [60] } }, {}, { final }),
  );
const changesNothing = (...calls: Statement['calls']): Statement => ({ edges: [], calls });

const STATEMENTS: Record<string, Statement> = {
  createRun: {
    edges: [],
    makes: [arrow('runs', 'new', 'queued'), arrow('jobs', 'new', 'queued')],
    calls: [
      inTransaction(async (sql, { event }) => {
        const recipe = testRecipe('new', { jobs: [testJob('one'), testJob('two', { needs: ['one'] })] });
        const order = { version: '1', ref: null, commit: null, trigger: 'manual', by: 'test' };
        await createRun(sql, { ...event, ...order, recipe, eventTime: new Date(), traceparent: null });
      }),
    ],
  },
  claimJobs: {
    edges: CLAIM_EDGES,
    makes: [arrow('attempts', 'new', 'started')],
    calls: [inTransaction(async (sql, { agent, combinations }) => await claimJobs(sql, agent, combinations.length))],
  },
  reportProgress: { edges: PROGRESS_EDGES, calls: [report(true), report(false)] },
  finishAttempts: {
    edges: FINISH_EDGES,
    calls: [
      finish({ outcome: 'completed', requeueBelow: 0 }),
      finish({ outcome: 'failed', requeueBelow: 0 }),
      finish({ outcome: 'cancelled', requeueBelow: 0 }),
      finish({ outcome: 'failed', requeueBelow: 3 }),
      finish({ outcome: 'failed', requeueBelow: null }),
    ],
  },
  beginPublishing: {
    edges: [PUBLISH_RUN],
    calls: [inTransaction(async (sql, farm) => await beginPublishing(sql, idsOf(farm)))],
  },
  completeRuns: {
    edges: [COMPLETE_RUN],
    calls: [inTransaction(async (sql, farm) => await completeRuns(sql, idsOf(farm)))],
  },
  endCancelled: {
    edges: [CANCEL_RUN],
    calls: [inTransaction(async (sql, farm) => await endCancelled(sql, idsOf(farm)))],
  },
  failRun: { edges: [FAIL_RUN], calls: [fail(null, false), fail(0, false), fail(null, true)] },
  requestCancel: {
    edges: CANCEL_EDGES,
    calls: [
      forEach(async ({ db }, { runId, run, job }) => {
        const cancel = requestCancel(db, runId, 'alice');
        const isImpossible = run === 'queued' && (job === 'started' || job === 'building');
        if (isImpossible) await expect(cancel).rejects.toThrow(`run ${runId} did not begin`);
        else await cancel;
      }),
    ],
  },
  requestRetry: { edges: RETRY_EDGES, calls: [forEach(async ({ db }, { runId }) => await requestRetry(db, runId))] },
  retryRun: { edges: RETRY_EDGES, calls: [forEachInTransaction(async (sql, { runId }) => await retryRun(sql, runId))] },

  lockRuns: changesNothing(inTransaction(async (sql, farm) => await lockRuns(sql, jobsOf(farm)))),
  summarizeRuns: changesNothing(async (farm) => await summarizeRuns(farm.db, jobsOf(farm))),
  leasePublishing: changesNothing(async ({ db }) => {
    while (await leasePublishing(db, 'here'));
  }),
  dueRetries: changesNothing(async ({ db }) => await dueRetries(db)),
  untilNextRetry: changesNothing(async ({ db }) => await untilNextRetry(db)),
  isIdle: changesNothing(async ({ db }) => await isIdle(db)),
  heldAttempts: changesNothing(async ({ db, agent }) => await heldAttempts(db, agent.agentId)),
  heldHere: changesNothing(async ({ db }) => await heldHere(db, 'here')),
  overdueAttempts: changesNothing(async ({ db }) => await overdueAttempts(db, new Date(0), 0)),
  cancellingAttempts: changesNothing(async ({ db }) => await cancellingAttempts(db, 'here')),
  runOfHeldAttempt: changesNothing(
    forEachInTransaction(async (sql, { jobId }, { agent }) => {
      await runOfHeldAttempt(sql, agent.agentId, { jobId, ...SEEDED }, { lock: true });
    }),
  ),
  recordArtifact: changesNothing(forEachInTransaction(async (sql, one) => await recordArtifact(sql, output(one)))),
  conflictingPath: changesNothing(forEach(async ({ db }, one) => await conflictingPath(db, output(one)))),
  unknownStagedKeys: changesNothing(async ({ db }) => await unknownStagedKeys(db, ['staging/x'])),
  artifactsOfRun: changesNothing(forEach(async ({ db }, { runId }) => await artifactsOfRun(db, runId))),
  artifactsToPublish: changesNothing(forEach(async ({ db }, { runId }) => await artifactsToPublish(db, runId))),
  doneWithOutputs: changesNothing(async (farm) => await doneWithOutputs(farm.db, idsOf(farm), 0)),
};

const named = (edges: readonly Edge[]) =>
  edges.flatMap((one) => one.from.map((from) => arrow(one.table, from, one.to)));
const folder = new URL('.', import.meta.url);
const sources = async () => (await readdir(folder)).filter((name) => !/(^testing-|\.test\.)/.test(name));

test.each(Object.entries(STATEMENTS))(
  '%s changes what it names, in every combination of states, and nothing else',
  async (_name, statement) => {
    const changes = new Set<string>();
    for (const call of statement.calls) {
      const farm = await seedStates(made.db);
      await call(farm);
      for (const change of await changesOf(farm)) changes.add(change);
    }
    expect([...changes].sort()).toEqual([...new Set([...named(statement.edges), ...(statement.makes ?? [])])].sort());
  },
);

test('every change in the tables of legal states is made by a statement, and no other is', () => {
  const table = (name: string, edges: Record<string, object>) =>
    Object.entries(edges).flatMap(([from, ends]) => Object.keys(ends).map((end) => arrow(name, from, end)));
  const legal = [...table('runs', RUN_EDGES), ...table('jobs', JOB_EDGES), ...table('attempts', ATTEMPT_EDGES)];
  const done = new Set(Object.values(STATEMENTS).flatMap(({ edges }) => named(edges)));
  expect([...done].sort()).toEqual(legal.sort());
});

test('every function of the folder is driven here', async () => {
  const exported: string[] = [];
  for (const name of await sources()) {
    const module: Record<string, unknown> = await import(new URL(name, folder).href);
    exported.push(...Object.keys(module).filter((key) => typeof module[key] === 'function'));
  }
  expect(Object.keys(STATEMENTS).sort()).toEqual(exported.sort());
});

test('no statement spells out a status: it is among those that the compiler knows', async () => {
  for (const name of await sources()) {
    const source = await readFile(new URL(name, folder), 'utf8');
    const spelled = /\bstatus (=|<>|IN|NOT IN) \(?'(?!pending)/i.exec(source);
    expect(spelled && `${name}: ${spelled[0]}`).toBeNull();
  }
});

test('nothing outside of the folder writes runs, jobs or attempts, but what an attempt says of its log', async () => {
  const ofLogs = ['last_sequence', 'lines', 'log_bytes', 'log_cut', 'log_state'];
  const packages = new URL('../../../', folder);
  const found: string[] = [];
  for (const name of await readdir(packages, { recursive: true })) {
    if (!/^\w+\/src\/.*\.ts$/.test(name) || /\.test\.ts$|testing|^store\/src\/runs\//.test(name)) continue;
    const source = await readFile(new URL(name, packages), 'utf8');
    const others = /\b(INSERT INTO|DELETE FROM) (runs|jobs|attempts)\b/gi;
    for (const [statement] of source.matchAll(others)) found.push(`${name}: ${statement}`);
    const updates = /\bUPDATE (runs|jobs|attempts)\b(?: (?:AS )?\w+)? SET ([^`]*?)\b(?:FROM|WHERE)\b/gi;
    for (const [, table, set = ''] of source.matchAll(updates)) {
      const columns = [...set.matchAll(/(\w+) = /g)].map(([, column = '']) => column);
      const foreign = columns.filter((column) => !ofLogs.includes(column));
      if (foreign.length > 0) found.push(`${name}: UPDATE ${table} SET ${foreign.join(', ')}`);
    }
  }
  expect(found).toEqual([]);
});

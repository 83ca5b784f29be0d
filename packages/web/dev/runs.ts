import type { Failure } from '@kiln/protocol/agent-messages.ts';
import type { AttemptSummary, JobDetail, RunDetail, TimelineEntry } from '@kiln/protocol/api.ts';
import type { JobStatus, RunStatus } from '@kiln/protocol/states.ts';
import { buildLog } from './build-log.ts';
import { type FarmData, iso, MINUTE } from './data.ts';
import { FixtureLog } from './log.ts';
import { phasesAt } from './phases.ts';
import { idOf } from './words.ts';

/** How a made-up run shall be. */
export interface RunWish {
  n: number;
  recipe: string;
  version: string;
  status: RunStatus;
  createdAt: number;
  durationMs: number;
  lines: number;
  percent?: number;
  attempt?: number;
  jobs?: string[];
  trigger?: string;
  waiting?: string;
  failsAt?: number;
}

/** A run with its jobs, attempts, timeline and logs (put into `data`). */
export function addRun(data: FarmData, wish: RunWish): RunDetail {
  const { n, recipe, version, status, createdAt, durationMs } = wish;
  const [runId, requestId] = [idOf(n * 4 + 1), idOf(n * 4 + 2)];
  const queued = status === 'queued';
  const ended = status === 'completed' || status === 'failed' || status === 'cancelled';
  const startedAt = createdAt + 1400;
  const finishedAt = startedAt + durationMs;
  const jobStatus: JobStatus = status === 'publishing' ? 'completed' : status;
  const percent = queued ? 0 : (wish.percent ?? (status === 'completed' || status === 'publishing' ? 100 : 62));
  const attempts = wish.attempt ?? 1;
  const failsAt = status === 'failed' ? (wish.failsAt ?? Math.floor(wish.lines * 0.93)) : undefined;
  const failure: Failure | null =
    failsAt === undefined
      ? null
      : {
          class: 'Command Failed',
          message: 'step "make -j4" ended with exit code 2',
          phase: 'build',
          step: 'make -j4',
          line: failsAt,
          lineText: "src/math/fma.c:43:9: error: implicit declaration of function 'fma_normalize'",
          exitCode: 2,
          signal: null,
        };
  const jobList = (wish.jobs ?? ['build']).map((name, index): JobDetail => {
    const jobId = idOf(n * 1000 + 500 + index);
    const waits = queued || (status === 'building' && index > 1);
    const own: JobStatus = waits ? 'queued' : index > 0 && status === 'failed' ? 'completed' : jobStatus;
    const ownPercent = own === 'completed' ? 100 : index === 1 ? percent / 2 : percent;
    const made = Array.from({ length: waits ? 0 : attempts }, (_, at): AttemptSummary => {
      const last = at === attempts - 1;
      const how = last ? own : 'failed';
      const phases = phasesAt(startedAt, durationMs, last ? ownPercent : 62, how);
      const log = new FixtureLog({
        jobId,
        attempt: at + 1,
        lines: wish.lines,
        say: buildLog(
          phases,
          wish.lines,
          { runId, requestId },
          how === 'failed' ? (failsAt ?? Math.floor(wish.lines * 0.9)) : undefined,
        ),
        startedAt,
        lineMs: durationMs / Math.max(1, wish.lines),
        ended: how === 'failed' || how === 'completed' || how === 'cancelled',
      });
      data.logs.set(`${jobId} ${at + 1}`, log);
      return {
        attempt: at + 1,
        status: how,
        agentId: idOf(9001),
        agentName: index === 0 ? 'forge-1' : 'forge-2',
        startedAt: iso(startedAt),
        finishedAt: log.ended ? iso(finishedAt) : null,
        failure: how === 'failed' ? failure : null,
        phases,
        percent: last ? ownPercent : 62,
        text: how === 'building' ? 'make -j4' : '',
        lines: log.total,
        logBytes: log.total * 14,
        logFile: `${at + 1}.log`,
      };
    });
    return {
      jobId,
      name,
      status: own,
      attempt: made.length,
      labels: ['kiln:os:linux'],
      needs: index > 1 ? ['build'] : [],
      waiting: waits ? (wish.waiting ?? 'waits for build') : '',
      createdAt: iso(createdAt),
      startedAt: made.length > 0 ? iso(startedAt) : null,
      finishedAt: made.at(-1)?.finishedAt ?? null,
      attempts: made,
      artifacts:
        own === 'completed' && index === 0
          ? [
              {
                path: `out/${recipe}-${version}.tar.gz`,
                bytes: 1_482_133,
                sha256: idOf(n + 77)
                  .replaceAll('-', '')
                  .repeat(2),
                attempt: made.length,
              },
            ]
          : [],
    };
  });
  const run: RunDetail = {
    runId,
    recipe,
    version,
    status,
    attempt: attempts,
    trigger: wish.trigger ?? 'tag',
    by: wish.trigger === 'manual' ? 'admin' : 'poll',
    ref: `refs/tags/v${version.split('-')[0]}`,
    commit: idOf(n + 31)
      .replaceAll('-', '')
      .padEnd(40, '7'),
    requestId,
    createdAt: iso(createdAt),
    startedAt: queued ? null : iso(startedAt),
    finishedAt: ended ? iso(finishedAt) : null,
    retryAt: status === 'failed' && wish.failsAt !== undefined ? iso(Date.now() + 4 * MINUTE) : null,
    percent: status === 'completed' ? 100 : Math.min(99, percent),
    text:
      failure?.message ??
      (queued
        ? (wish.waiting ?? '')
        : status === 'building'
          ? 'make -j4'
          : status === 'publishing'
            ? 'publishing'
            : ''),
    jobs: { total: jobList.length, finished: jobList.filter((job) => job.finishedAt !== null).length },
    failure,
    retriesLeft: null,
    jobList,
    packages: [],
    timeline: timelineOf(runId, startedAt, ended ? finishedAt : null, status, recipe, version),
    actions: ended ? (status === 'completed' ? [] : ['retry']) : ['cancel'],
  };
  data.runs.push(run);
  return run;
}

function timelineOf(
  runId: string,
  startedAt: number,
  finishedAt: number | null,
  status: RunStatus,
  recipe: string,
  version: string,
): TimelineEntry[] {
  const entry = (at: number, service: string, name: string, message: string): TimelineEntry => ({
    at: iso(at),
    service,
    instance: `${service}-7f3a`,
    name,
    message,
    runId,
    jobId: null,
    detail: {},
  });
  const entries = [
    entry(startedAt - 1350, 'orchestrator', 'poll.match', `${recipe} has a new tag v${version.split('-')[0]}`),
    entry(startedAt - 1300, 'orchestrator', 'event.matched', `Matched ${recipe} at ${version}`),
    entry(startedAt - 1290, 'orchestrator', 'run.created', `Created the run of ${recipe} ${version} with its jobs`),
  ];
  if (status !== 'queued')
    entries.push(entry(startedAt, 'orchestrator', 'job.dispatched', 'Sent job build to agent forge-1'));
  if (status !== 'queued')
    entries.push(entry(startedAt + 220, 'agent', 'job.building', 'The first step began on forge-1'));
  if (finishedAt !== null) entries.push(entry(finishedAt, 'agent', `job.${status}`, `Job build ended: ${status}`));
  if (status === 'completed')
    entries.push(
      entry(finishedAt ?? startedAt, 'orchestrator', 'run.published', `Published ${recipe} ${version} to main`),
    );
  return entries;
}

import type { Failure, PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type {
  AgentSummary,
  AttemptSummary,
  EventDetail,
  JobDetail,
  PackageSummary,
  RecipeDetail,
  RunDetail,
  TimelineEntry,
} from '@kiln/protocol/api.ts';
import type { JobStatus, RunStatus } from '@kiln/protocol/states.ts';
import { buildLog } from './build-log.ts';
import { FixtureLog } from './log.ts';
import { idOf, pick, random } from './words.ts';

/** Everything that a farm knows. */
export interface FarmData {
  recipes: RecipeDetail[];
  runs: RunDetail[];
  packages: PackageSummary[];
  agents: AgentSummary[];
  deadLetters: EventDetail[];
  logs: Map<string, FixtureLog>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const RECIPES = [
  ['nginx', 'The web server, built with our modules', 'https://github.com/nginx/nginx.git'],
  ['libfoo', 'A small C library with a test suite', 'http://127.0.0.1:10142/upstreams/libfoo.git'],
  ['musl', 'The C library that our images use', 'https://git.musl-libc.org/git/musl'],
  ['zlib', 'Compression', 'https://github.com/madler/zlib.git'],
  ['openssl', 'Cryptography, long-term support branch', 'https://github.com/openssl/openssl.git'],
  ['linux', 'The kernel for the build machines', 'https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git'],
  ['kiln-agent', "Kiln's own agent as a package", null],
  ['docs-site', 'The documentation, every night', null],
] as const;

const iso = (time: number) => new Date(time).toISOString();

/** The phases of a package build, with their steps, `percent` of the way through. */
export function phasesAt(startedAt: number, durationMs: number, percent: number, end: JobStatus): PhaseReport[] {
  const plan: [name: string, weight: number, steps: string[]][] = [
    ['fetch', 1, ['checkout']],
    ['build', 6, ['./configure --prefix=/usr', 'make -j4']],
    ['test', 3, ['make check']],
    ['package', 1, ['make install DESTDIR=out', 'tar czf out.tar.gz']],
  ];
  const all = plan.reduce((sum, [, weight, steps]) => sum + weight * steps.length, 0);
  let before = 0;
  return plan.map(([name, weight, steps]) => {
    const report = steps.map((step): PhaseReport['steps'][number] => {
      const from = before / all;
      before += weight;
      const to = before / all;
      const at = percent / 100;
      const done = at >= to && (at < 1 || end === 'completed' || to < 1);
      const begun = at >= from;
      const stopped = begun && !done && (end === 'failed' || end === 'cancelled');
      return {
        name: step,
        state: done ? 'completed' : stopped ? (end === 'failed' ? 'failed' : 'cancelled') : begun ? 'running' : end === 'failed' ? 'skipped' : 'waiting',
        startedAt: begun ? startedAt + from * durationMs : null,
        finishedAt: done || stopped ? startedAt + Math.min(at, to) * durationMs : null,
        exitCode: done ? 0 : stopped && end === 'failed' ? 2 : null,
        signal: null,
        firstLine: begun ? 1 : null,
      };
    });
    const states = report.map((step) => step.state);
    const state = states.every((each) => each === 'completed')
      ? 'completed'
      : (states.find((each) => each === 'failed' || each === 'cancelled' || each === 'running') ??
        (states.includes('completed') ? 'running' : (states[0] ?? 'waiting')));
    return {
      name,
      weight,
      state,
      startedAt: report[0]?.startedAt ?? null,
      finishedAt: state === 'running' || state === 'waiting' ? null : (report.findLast((step) => step.finishedAt)?.finishedAt ?? null),
      steps: report,
    };
  });
}

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
        say: buildLog(phases, wish.lines, { runId, requestId }, how === 'failed' ? (failsAt ?? Math.floor(wish.lines * 0.9)) : undefined),
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
          ? [{ path: `out/${recipe}-${version}.tar.gz`, bytes: 1_482_133, sha256: idOf(n + 77).replaceAll('-', '').repeat(2), attempt: made.length }]
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
    commit: idOf(n + 31).replaceAll('-', '').padEnd(40, '7'),
    requestId,
    createdAt: iso(createdAt),
    startedAt: queued ? null : iso(startedAt),
    finishedAt: ended ? iso(finishedAt) : null,
    retryAt: status === 'failed' && wish.failsAt !== undefined ? iso(Date.now() + 4 * MINUTE) : null,
    percent: status === 'completed' ? 100 : Math.min(99, percent),
    text: failure?.message ?? (queued ? (wish.waiting ?? '') : status === 'building' ? 'make -j4' : status === 'publishing' ? 'publishing' : ''),
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
  if (status !== 'queued') entries.push(entry(startedAt, 'orchestrator', 'job.dispatched', 'Sent job build to agent forge-1'));
  if (status !== 'queued') entries.push(entry(startedAt + 220, 'agent', 'job.building', 'The first step began on forge-1'));
  if (finishedAt !== null) entries.push(entry(finishedAt, 'agent', `job.${status}`, `Job build ended: ${status}`));
  if (status === 'completed')
    entries.push(entry(finishedAt ?? startedAt, 'orchestrator', 'run.published', `Published ${recipe} ${version} to main`));
  return entries;
}

/** A farm without anything in it. */
export function emptyFarm(): FarmData {
  return { recipes: [], runs: [], packages: [], agents: [], deadLetters: [], logs: new Map() };
}

/** A farm that has been busy: 200 runs over two days, some in progress, one that fails, long logs. */
export function fullFarm(): FarmData {
  const data = emptyFarm();
  const now = Date.now();
  const next = random(42);
  const versions = new Map(RECIPES.map(([name], index) => [name as string, index + 3]));
  for (let n = 200; n > 8; n -= 1) {
    const [recipe] = pick(RECIPES, next);
    const minor = (versions.get(recipe) ?? 1) + Math.floor((200 - n) / 24);
    const kind = next();
    addRun(data, {
      n,
      recipe,
      version: `1.${minor}.${Math.floor(next() * 9)}-1`,
      status: kind < 0.87 ? 'completed' : kind < 0.96 ? 'failed' : 'cancelled',
      createdAt: now - 20 * MINUTE - n * 13 * MINUTE * (0.5 + next()),
      durationMs: 20_000 + next() * 400_000,
      lines: 120 + Math.floor(next() * 3000),
      trigger: recipe === 'docs-site' ? 'schedule' : next() < 0.15 ? 'manual' : 'tag',
    });
  }
  const at = (n: number, wish: Omit<RunWish, 'n'>) => addRun(data, { n, ...wish });
  at(8, { recipe: 'linux', version: '6.9.1-1', status: 'completed', createdAt: now - 3 * HOUR, durationMs: 2.2 * HOUR, lines: 100_000 });
  at(7, { recipe: 'linux', version: '6.9.2-1', status: 'failed', createdAt: now - 2 * HOUR, durationMs: 1.4 * HOUR, lines: 1_000_000, failsAt: 734_112 });
  at(6, { recipe: 'zlib', version: '1.3.1-1', status: 'cancelled', createdAt: now - 50 * MINUTE, durationMs: 40_000, lines: 300, trigger: 'manual' });
  at(5, { recipe: 'musl', version: '1.2.5-1', status: 'failed', createdAt: now - 16 * MINUTE, durationMs: 95_000, lines: 1980, failsAt: 1842, attempt: 2 });
  at(4, { recipe: 'libfoo', version: '2.1.0-1', status: 'publishing', createdAt: now - 70_000, durationMs: 65_000, lines: 640 });
  at(3, { recipe: 'nginx', version: '1.27.0-1', status: 'building', createdAt: now - 4 * MINUTE, durationMs: 400_000, lines: 4200, percent: 62 });
  at(2, { recipe: 'openssl', version: '3.3.0-1', status: 'building', createdAt: now - 90_000, durationMs: 300_000, lines: 900, percent: 31, jobs: ['build (amd64)', 'build (arm64)', 'test'] });
  at(1, { recipe: 'kiln-agent', version: '0.1.0+20260507', status: 'queued', createdAt: now - 25_000, durationMs: 0, lines: 0, waiting: 'waits for a free slot on an agent with kiln:os:linux', trigger: 'manual' });
  data.runs.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  addPackages(data);
  data.recipes = RECIPES.map(([name, description, upstream], position) => recipeOf(data, name, description, upstream, position));
  data.agents = [
    agent(9001, 'forge-1', true, 2, 2, ['kiln:os:linux', 'kiln:arch:x64', 'kiln:host:forge-1', 'big'], now - 26 * HOUR),
    agent(9002, 'forge-2', true, 4, 1, ['kiln:os:linux', 'kiln:arch:arm64', 'kiln:host:forge-2'], now - 3 * HOUR),
    agent(9003, 'attic', false, 1, 0, ['kiln:os:linux', 'kiln:arch:x64', 'kiln:host:attic', 'slow'], now - 9 * HOUR),
  ];
  data.deadLetters = [1, 2].map((n) => deadLetter(n, now - n * 5 * HOUR));
  return data;
}

function addPackages(data: FarmData): void {
  const newest = new Map<string, number>();
  for (const run of data.runs) {
    if (run.status !== 'completed' || run.recipe === 'docs-site' || run.finishedAt === null) continue;
    const rank = newest.get(run.recipe) ?? 0;
    if (rank > 5) continue;
    newest.set(run.recipe, rank + 1);
    const names = run.recipe === 'libfoo' ? [`libfoo_${run.version}_amd64.deb`] : [`${run.recipe}-${run.version}.tar.gz`, `${run.recipe}-${run.version}.sbom.json`];
    const made: PackageSummary = {
      repository: 'main',
      package: run.recipe,
      version: run.version,
      recipe: run.recipe,
      runId: run.runId,
      publishedAt: run.finishedAt,
      active: rank === 0,
      files: names.map((name, index) => ({ name, bytes: index === 0 ? 1_482_133 : 8412, sha256: idOf(index + name.length * 31).replaceAll('-', '').repeat(2) })),
    };
    run.packages = [made];
    data.packages.push(made);
  }
}

function recipeOf(data: FarmData, name: string, description: string, upstream: string | null, position: number): RecipeDetail {
  const runs = data.runs.filter((run) => run.recipe === name);
  const now = Date.now();
  const failing = runs.find((run) => run.status === 'failed' && run.retryAt !== null);
  const broken = name === 'zlib';
  return {
    name,
    description,
    position,
    upstream,
    tags: upstream ? 'v(?<version>\\d+\\.\\d+\\.\\d+)' : null,
    triggers: upstream ? ['tag', 'manual'] : name === 'docs-site' ? ['schedule 15 3 * * *', 'manual'] : ['push main', 'manual'],
    lastPollAt: upstream ? iso(now - 6 * MINUTE) : null,
    nextPollAt: upstream ? iso(now + 9 * MINUTE) : null,
    lastPoll: upstream
      ? { tagsSeen: broken ? 0 : 214, matches: broken ? 0 : 187, emitted: 0, passedOver: 12, error: broken ? 'fatal: unable to access https://github.com/madler/zlib.git: Could not resolve host: github.com' : null, durationMs: 840 }
      : null,
    newestVersion: upstream ? (runs[0]?.version ?? null) : null,
    publishedVersion: data.packages.find((made) => made.recipe === name)?.version ?? null,
    lastRun: runs[0] ?? null,
    backoff: failing ? [{ version: failing.version, failures: 3, nextRetry: failing.retryAt }] : [],
    compiled: compiledOf(name),
    tagList: upstream
      ? Array.from({ length: 34 }, (_, n) => ({
          tag: `v1.${34 - n}.0`,
          version: `1.${34 - n}.0`,
          commit: idOf(n + 400).replaceAll('-', '').padEnd(40, 'c'),
          firstSeenAt: iso(now - n * 26 * HOUR),
          state: n === 0 ? 'waiting' : n < 6 ? 'built' : 'passed over on first sight',
          movedTo: n === 4 ? idOf(n + 900).replaceAll('-', '').padEnd(40, 'd') : null,
        }))
      : [],
    runs: runs.slice(0, 30),
  };
}

function compiledOf(name: string): unknown {
  const step = (run: string) => ({ name: run, run, shell: 'sh', workingDirectory: null, environment: {}, timeoutMs: null, continueOnError: false, always: false });
  const phases = phasesAt(0, 0, 0, 'queued').map(({ name: phase, weight, steps }) => ({ name: phase, weight, steps: steps.map((each) => step(each.name)) }));
  const job = (jobName: string, needs: string[]) => ({ name: jobName, needs, labels: ['kiln:os:linux'], environment: {}, secrets: [], checkout: true, timeoutMs: HOUR, phases, artifacts: ['out/*'], logLimitBytes: 1e10 });
  return {
    name,
    description: '',
    upstream: null,
    triggers: ['manual'],
    priority: 0,
    concurrency: null,
    retries: { max: null, backoffSeconds: [60, 300, 900, 3600, 21_600, 86_400] },
    jobs: name === 'openssl' ? [job('build (amd64)', []), job('build (arm64)', []), job('test', ['build (amd64)'])] : [job('build', [])],
    publish: name === 'docs-site' ? null : { repository: 'main', package: name, files: ['*'], keep: 1 },
  };
}

function agent(n: number, name: string, connected: boolean, slots: number, busy: number, labels: string[], since: number): AgentSummary {
  const lastSeenAt = iso(connected ? Date.now() - 4000 : since);
  return { agentId: idOf(n), name, host: `${name}.example.com`, os: 'linux', arch: n === 9002 ? 'arm64' : 'x64', version: '0.1.0', labels, slots, busy, connected, connectedAt: connected ? iso(since) : null, lastSeenAt };
}

function deadLetter(n: number, at: number): EventDetail {
  return {
    eventId: idOf(7000 + n),
    requestId: idOf(7100 + n),
    source: 'github',
    deliveryId: `delivery-${n}`,
    name: 'webhook.push',
    routingKey: 'github:nginx/nginx',
    status: 'dead',
    attempts: 5,
    receivedAt: iso(at - 10 * MINUTE),
    finishedAt: null,
    dlqAt: iso(at),
    dlqReason: 'failed 5 times',
    lastError: 'recipe "nginx" has no tag pattern that matches refs/tags/release-1.27.0-rc1',
    outcome: '',
    runs: [],
  };
}

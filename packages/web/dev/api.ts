import { randomUUID } from 'node:crypto';
import type { EventDetail, RunDetail } from '@kiln/protocol/api.ts';
import { type FixtureFarm, summaryOf } from './farm.ts';
import { hostDetail, hostList, unitDetail, unitSeries } from './hosts.ts';
import type { FixtureLog } from './log.ts';
import { outlineOf, pageOf, searchIn } from './log-answers.ts';

interface Answer {
  status: number;
  type: string;
  text: string;
}

type Handler = (farm: FixtureFarm, id: string, query: URLSearchParams, body: unknown) => Answer;

const json = (body: unknown, status = 200): Answer => ({
  status,
  type: 'application/json',
  text: JSON.stringify(body),
});
const refuse = (status: number, code: string, message: string) => json({ error: { code, message } }, status);
const missing = (what: string) => refuse(404, 'not_found', `there is no such ${what}`);

/** What became of the runs that were asked for, by event. */
const events = new Map<string, EventDetail>();

const ROUTES: [method: string, path: RegExp, handler: Handler][] = [
  [
    'GET',
    /^\/api\/me$/,
    () => json({ signedIn: true, kind: 'session', subject: 'admin', version: '0.1.0', farmId: 'fixture' }),
  ],
  ['GET', /^\/api\/overview$/, (farm) => json(farm.overview())],
  ['GET', /^\/api\/runs$/, (farm, _, query) => listRuns(farm, query)],
  ['POST', /^\/api\/runs$/, (farm, _, __, body) => startRun(farm, body)],
  ['GET', /^\/api\/runs\/([^/]+)$/, (farm, id) => withRun(farm, id, (run) => json(run))],
  ['POST', /^\/api\/runs\/([^/]+)\/cancel$/, (farm, id) => withRun(farm, id, (run) => cancelRun(farm, run))],
  ['POST', /^\/api\/runs\/([^/]+)\/retry$/, (farm, id) => withRun(farm, id, (run) => retryRun(farm, run))],
  ['GET', /^\/api\/jobs\/([^/]+)\/log$/, (farm, id, query) => logPage(farm, id, query)],
  [
    'GET',
    /^\/api\/jobs\/([^/]+)\/log\/outline$/,
    (farm, id, query) => withLog(farm, id, query, (log) => json(outlineOf(log))),
  ],
  ['GET', /^\/api\/jobs\/([^/]+)\/log\/search$/, (farm, id, query) => withLog(farm, id, query, search(query))],
  ['GET', /^\/api\/jobs\/([^/]+)\/log\.(?:txt|jsonl)$/, (farm, id, query) => logText(farm, id, query)],
  ['GET', /^\/api\/recipes$/, (farm) => json({ recipes: farm.recipes() })],
  [
    'GET',
    /^\/api\/recipes\/([^/]+)$/,
    (farm, name) => json(farm.data.recipes.find((each) => each.name === name) ?? null),
  ],
  ['POST', /^\/api\/recipes\/([^/]+)\/poll$/, () => json({ requestId: randomUUID() }, 202)],
  ['GET', /^\/api\/packages$/, (farm) => json({ packages: farm.data.packages, nextCursor: null })],
  ['GET', /^\/api\/agents$/, (farm) => json({ agents: farm.data.agents })],
  [
    'GET',
    /^\/api\/dead-letters$/,
    (farm) => json({ count: farm.data.deadLetters.length, events: farm.data.deadLetters }),
  ],
  ['POST', /^\/api\/dead-letters\/([^/]+)\/retry$/, (farm, id) => takeDeadLetter(farm, id, 202)],
  ['DELETE', /^\/api\/dead-letters\/([^/]+)$/, (farm, id) => takeDeadLetter(farm, id, 204)],
  ['GET', /^\/api\/events\/([^/]+)$/, (_, id) => (events.has(id) ? json(events.get(id)) : missing('event'))],
  ['GET', /^\/api\/hosts$/, (farm) => json(hostList(farm.data.agents.length > 0))],
  ['GET', /^\/api\/hosts\/([^/]+)$/, () => json(hostDetail())],
  ['GET', /^\/api\/hosts\/[^/]+\/units\/([^/]+)$/, (_, unit) => json(unitDetail(unit))],
  ['GET', /^\/api\/hosts\/[^/]+\/units\/[^/]+\/series$/, (_, __, query) => json(unitSeries(query.get('name')))],
  ['GET', /^\/api\/trace\/([^/]+)$/, (farm, id) => trace(farm, id)],
];

/** What the platform would answer. */
export function answer(farm: FixtureFarm, method: string, path: string, query: URLSearchParams, body: unknown): Answer {
  for (const [wanted, pattern, handler] of ROUTES) {
    const match = wanted === method ? pattern.exec(path) : null;
    if (match) return handler(farm, decodeURIComponent(match[1] ?? ''), query, body);
  }
  return missing('route');
}

function withRun(farm: FixtureFarm, id: string, then: (run: RunDetail) => Answer): Answer {
  const run = farm.run(id);
  return run ? then(run) : missing('run');
}

function listRuns(farm: FixtureFarm, query: URLSearchParams): Answer {
  const keeps = (name: 'recipe' | 'status' | 'version', run: RunDetail) =>
    !query.has(name) || run[name] === query.get(name);
  const found = farm.data.runs.filter((run) => keeps('recipe', run) && keeps('status', run) && keeps('version', run));
  const from = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  const runs = found.slice(from, from + limit).map(summaryOf);
  return json({ runs, nextCursor: from + limit < found.length ? String(from + limit) : null, total: found.length });
}

function startRun(farm: FixtureFarm, body: unknown): Answer {
  const { recipe, version, force } = body as { recipe: string; version?: string; force?: boolean };
  const eventId = randomUUID();
  const requestId = randomUUID();
  const archived = farm.data.packages.some((made) => made.recipe === recipe && made.version === version);
  const run = archived && !force ? null : farm.start(recipe, version ?? '9.9.9-1');
  events.set(eventId, {
    eventId,
    requestId,
    source: 'manual',
    deliveryId: eventId,
    name: 'build',
    routingKey: `manual:${recipe}`,
    status: 'done',
    attempts: 1,
    receivedAt: new Date().toISOString(),
    finishedAt: new Date().toISOString(),
    dlqAt: null,
    dlqReason: null,
    lastError: null,
    outcome: run ? 'created 1 run' : `ignored: ${recipe} ${version} is in the archive`,
    runs: run ? [run.runId] : [],
  });
  return json({ requestId, eventId }, 202);
}

function cancelRun(farm: FixtureFarm, run: RunDetail): Answer {
  farm.end(run, 'cancelled');
  return json({ runId: run.runId, status: run.status });
}

function retryRun(farm: FixtureFarm, run: RunDetail): Answer {
  Object.assign(run, { status: 'queued', failure: null, finishedAt: null, retryAt: null, actions: ['cancel'] });
  farm.changed('run', run.runId);
  return json({ runId: run.runId, status: run.status });
}

function withLog(farm: FixtureFarm, jobId: string, query: URLSearchParams, then: (log: FixtureLog) => Answer): Answer {
  const log = farm.data.logs.get(`${jobId} ${Number(query.get('attempt') ?? 1)}`);
  if (!log) return missing('log');
  return log.removed === null ? then(log) : refuse(410, 'log_expired', log.removed);
}

function logPage(farm: FixtureFarm, jobId: string, query: URLSearchParams): Answer {
  return withLog(farm, jobId, query, (log) =>
    json({
      jobId,
      attempt: log.attempt,
      lines: pageOf(log, query).lines,
      total: log.total,
      complete: log.ended,
      next: null,
    }),
  );
}

function search(query: URLSearchParams) {
  return (log: FixtureLog): Answer => {
    try {
      const text = searchIn(log, query).map((message) => `${JSON.stringify(message)}\n`);
      return { status: 200, type: 'application/jsonl; charset=utf-8', text: text.join('') };
    } catch (error) {
      return refuse(400, 'invalid_pattern', error instanceof Error ? error.message : String(error));
    }
  };
}

function logText(farm: FixtureFarm, jobId: string, query: URLSearchParams): Answer {
  const log = farm.data.logs.get(`${jobId} ${Number(query.get('attempt') ?? 1)}`);
  if (!log) return missing('log');
  const text = log.lines(1, log.total).map((line) => `${line.text}\n`);
  return { status: 200, type: 'text/plain; charset=utf-8', text: text.join('') };
}

function takeDeadLetter(farm: FixtureFarm, id: string, status: number): Answer {
  farm.data.deadLetters = farm.data.deadLetters.filter((event) => event.eventId !== id);
  return { status, type: 'application/json', text: '' };
}

function trace(farm: FixtureFarm, id: string): Answer {
  const run = farm.data.runs.find((each) => each.runId.startsWith(id) || each.requestId.startsWith(id));
  if (!run) return missing('request, run, job, event or delivery');
  const kind = run.runId.startsWith(id) ? 'run' : 'request';
  return json({ id, kind, requestId: run.requestId, events: [], runs: [summaryOf(run)], timeline: run.timeline });
}

import Type, { type Static } from 'typebox';
import { Failure, PhaseReport } from './agent-messages.ts';
import { JOB_STATUSES, type JobStatus, RUN_STATUSES, type RunStatus } from './states.ts';

/**
 * Shapes of the HTTP API, one source for the platform's validation, OpenAPI, the CLI's and the dashboard's types.
 * Times are RFC 3339 in UTC. Every error is `{error:{code,message}}` (and `from`,`to` for a refused change of state).
 */

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
export const RunStatusSchema = Type.Unsafe<RunStatus>(Type.String({ enum: [...RUN_STATUSES] }));
export const JobStatusSchema = Type.Unsafe<JobStatus>(Type.String({ enum: [...JOB_STATUSES] }));

export const ApiError = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
  }),
});
export type ApiError = Static<typeof ApiError>;

export const RunSummary = Type.Object({
  runId: Type.String(),
  recipe: Type.String(),
  version: Type.String(),
  status: RunStatusSchema,
  attempt: Type.Integer(),
  /** What started it: tag, push, schedule, manual, after. */
  trigger: Type.String(),
  by: Type.String(),
  ref: Nullable(Type.String()),
  commit: Nullable(Type.String()),
  requestId: Type.String(),
  createdAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Nullable(Time),
  /** When it will be tried again. */
  retryAt: Nullable(Time),
  percent: Type.Number(),
  /** What it does now, or the message of its failure. */
  text: Type.String(),
  jobs: Type.Object({ total: Type.Integer(), finished: Type.Integer() }),
});
export type RunSummary = Static<typeof RunSummary>;

export const AttemptSummary = Type.Object({
  attempt: Type.Integer(),
  status: JobStatusSchema,
  agentId: Nullable(Type.String()),
  agentName: Nullable(Type.String()),
  startedAt: Nullable(Time),
  finishedAt: Nullable(Time),
  failure: Nullable(Failure),
  phases: Type.Array(PhaseReport),
  percent: Type.Number(),
  text: Type.String(),
  lines: Type.Integer(),
  logBytes: Type.Integer(),
  /** Names its log to `GET /api/build-logs/proxy`. */
  logFile: Type.String(),
});
export type AttemptSummary = Static<typeof AttemptSummary>;

export const JobDetail = Type.Object({
  jobId: Type.String(),
  name: Type.String(),
  status: JobStatusSchema,
  attempt: Type.Integer(),
  labels: Type.Array(Type.String()),
  needs: Type.Array(Type.String()),
  /** Why a queued job waits, in words; empty otherwise. */
  waiting: Type.String(),
  createdAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Nullable(Time),
  attempts: Type.Array(AttemptSummary),
  artifacts: Type.Array(
    Type.Object({ path: Type.String(), bytes: Type.Integer(), sha256: Type.String(), attempt: Type.Integer() }),
  ),
});
export type JobDetail = Static<typeof JobDetail>;

export const TimelineEntry = Type.Object({
  at: Time,
  service: Type.String(),
  instance: Type.String(),
  /** A dotted name: webhook.received, event.matched, run.created, job.dispatched, job.finished, run.published … */
  name: Type.String(),
  /** One sentence for people. */
  message: Type.String(),
  runId: Nullable(Type.String()),
  jobId: Nullable(Type.String()),
  detail: Type.Record(Type.String(), Type.Unknown()),
});
export type TimelineEntry = Static<typeof TimelineEntry>;

export const PublishedFile = Type.Object({ name: Type.String(), bytes: Type.Integer(), sha256: Type.String() });
export type PublishedFile = Static<typeof PublishedFile>;

export const PackageSummary = Type.Object({
  repository: Type.String(),
  package: Type.String(),
  version: Type.String(),
  recipe: Type.String(),
  runId: Type.String(),
  publishedAt: Time,
  /** Whether the active view shows it. */
  active: Type.Boolean(),
  files: Type.Array(PublishedFile),
});
export type PackageSummary = Static<typeof PackageSummary>;

export const RunDetail = Type.Object({
  ...RunSummary.properties,
  failure: Nullable(Failure),
  retriesLeft: Nullable(Type.Integer()),
  jobList: Type.Array(JobDetail),
  packages: Type.Array(PackageSummary),
  timeline: Type.Array(TimelineEntry),
  /** What may be done with it now: cancel, retry. */
  actions: Type.Array(Type.Union([Type.Literal('cancel'), Type.Literal('retry')])),
});
export type RunDetail = Static<typeof RunDetail>;

export const RunList = Type.Object({
  runs: Type.Array(RunSummary),
  nextCursor: Nullable(Type.String()),
  total: Type.Integer(),
});
export type RunList = Static<typeof RunList>;
export const RunQuery = Type.Object(
  {
    recipe: Type.Optional(Type.String()),
    status: Type.Optional(RunStatusSchema),
    version: Type.Optional(Type.String()),
    cursor: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  },
  { additionalProperties: false },
);
export type RunQuery = Static<typeof RunQuery>;

export const StartRun = Type.Object(
  {
    recipe: Type.String({ minLength: 1 }),
    version: Type.Optional(Type.String({ minLength: 1 })),
    force: Type.Optional(Type.Boolean({ default: false })),
  },
  { additionalProperties: false },
);
export type StartRun = Static<typeof StartRun>;
/** The event was stored. `outcome` follows at GET /api/events/{eventId}. */
export const StartedRun = Type.Object({ requestId: Type.String(), eventId: Type.String() });
export type StartedRun = Static<typeof StartedRun>;

export const EventDetail = Type.Object({
  eventId: Type.String(),
  requestId: Type.String(),
  source: Type.String(),
  deliveryId: Type.String(),
  name: Type.String(),
  routingKey: Type.String(),
  status: Type.Union([Type.Literal('pending'), Type.Literal('leased'), Type.Literal('done'), Type.Literal('dead')]),
  attempts: Type.Integer(),
  receivedAt: Time,
  finishedAt: Nullable(Time),
  dlqAt: Nullable(Time),
  dlqReason: Nullable(Type.String()),
  lastError: Nullable(Type.String()),
  /** In words: `created 1 run`, `ignored: libfoo 1.2 is in the archive`. Empty until it is done. */
  outcome: Type.String(),
  runs: Type.Array(Type.String()),
});
export type EventDetail = Static<typeof EventDetail>;

export const DeadLetters = Type.Object({ count: Type.Integer(), events: Type.Array(EventDetail) });
export type DeadLetters = Static<typeof DeadLetters>;

export const RecipeSummary = Type.Object({
  name: Type.String(),
  description: Type.String(),
  position: Type.Integer(),
  upstream: Nullable(Type.String()),
  tags: Nullable(Type.String()),
  triggers: Type.Array(Type.String()),
  lastPollAt: Nullable(Time),
  nextPollAt: Nullable(Time),
  /** What the last look saw, or why it failed. */
  lastPoll: Nullable(
    Type.Object({
      tagsSeen: Type.Integer(),
      matches: Type.Integer(),
      emitted: Type.Integer(),
      passedOver: Type.Integer(),
      error: Nullable(Type.String()),
      durationMs: Type.Integer(),
    }),
  ),
  newestVersion: Nullable(Type.String()),
  publishedVersion: Nullable(Type.String()),
  lastRun: Nullable(RunSummary),
  /** Consecutive failures by version, with the next try. */
  backoff: Type.Array(Type.Object({ version: Type.String(), failures: Type.Integer(), nextRetry: Nullable(Time) })),
});
export type RecipeSummary = Static<typeof RecipeSummary>;

export const RecipeTag = Type.Object({
  tag: Type.String(),
  version: Type.String(),
  commit: Type.String(),
  firstSeenAt: Time,
  /** built, waiting, passed over, below min_version, gone … in words. */
  state: Type.String(),
  /** Set when the tag points elsewhere than when it was first seen. */
  movedTo: Nullable(Type.String()),
});
export type RecipeTag = Static<typeof RecipeTag>;

export const RecipeDetail = Type.Object({
  ...RecipeSummary.properties,
  compiled: Type.Unknown(),
  tagList: Type.Array(RecipeTag),
  runs: Type.Array(RunSummary),
});
export type RecipeDetail = Static<typeof RecipeDetail>;

export const AgentSummary = Type.Object({
  agentId: Type.String(),
  name: Type.String(),
  host: Type.String(),
  os: Type.String(),
  arch: Type.String(),
  version: Type.String(),
  labels: Type.Array(Type.String()),
  slots: Type.Integer(),
  busy: Type.Integer(),
  connected: Type.Boolean(),
  connectedAt: Nullable(Time),
  lastSeenAt: Time,
});
export type AgentSummary = Static<typeof AgentSummary>;

export const Overview = Type.Object({
  farmId: Type.String(),
  version: Type.String(),
  now: Time,
  /** Reasons why not all is well; empty when it is. */
  problems: Type.Array(Type.Object({ message: Type.String(), href: Type.String() })),
  running: Type.Array(RunSummary),
  queueDepth: Type.Integer(),
  day: Type.Object({
    runs: Type.Integer(),
    completed: Type.Integer(),
    failed: Type.Integer(),
    averageSeconds: Nullable(Type.Number()),
  }),
  /** The last 24 hours, oldest first. */
  hours: Type.Array(
    Type.Object({ hour: Time, completed: Type.Integer(), failed: Type.Integer(), cancelled: Type.Integer() }),
  ),
  failing: Type.Array(
    Type.Object({
      recipe: Type.String(),
      version: Type.String(),
      failures: Type.Integer(),
      nextRetry: Nullable(Time),
      runId: Nullable(Type.String()),
    }),
  ),
  published: Type.Array(PackageSummary),
  agents: Type.Array(AgentSummary),
});
export type Overview = Static<typeof Overview>;

export const Trace = Type.Object({
  id: Type.String(),
  /** What the id names: request, run, job, event or delivery. */
  kind: Type.String(),
  requestId: Type.String(),
  events: Type.Array(EventDetail),
  runs: Type.Array(RunSummary),
  timeline: Type.Array(TimelineEntry),
});
export type Trace = Static<typeof Trace>;

export const LogLine = Type.Object({
  line: Type.Integer(),
  time: Time,
  level: Type.String(),
  component: Type.String(),
  phase: Type.Integer(),
  step: Type.Integer(),
  /** Where in the build it is, in a builder's own words, where that is no phase or step of the job. */
  context: Type.Optional(Type.String()),
  text: Type.String(),
});
export type LogLine = Static<typeof LogLine>;
export const LogPage = Type.Object({
  jobId: Type.String(),
  attempt: Type.Integer(),
  lines: Type.Array(LogLine),
  total: Type.Integer(),
  complete: Type.Boolean(),
});
export type LogPage = Static<typeof LogPage>;

/** `GET /status`: exact. */
export const FarmStatus = Type.Object({
  farm_id: Type.String(),
  recipes: Type.Array(Type.String()),
  builds_attempted: Type.Integer(),
  builds_succeeded: Type.Integer(),
  in_flight: Nullable(Type.Object({ recipe: Type.String(), version: Type.String(), started_at: Time })),
  failures: Nullable(Type.Record(Type.String(), Type.Object({ failures: Type.Integer(), next_retry: Nullable(Time) }))),
});
export type FarmStatus = Static<typeof FarmStatus>;

/** `GET /api/me`: who the credential speaks for. */
export const Me = Type.Object({
  signedIn: Type.Boolean(),
  /** `admin` for a Bearer token, `session` for the dashboard's cookie. */
  kind: Type.String(),
  subject: Type.String(),
  version: Type.String(),
  farmId: Type.String(),
});
export type Me = Static<typeof Me>;
/** `POST /api/sign-in` with the admin token: the answer sets the session cookie. */
export const SignIn = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 512 }) },
  { additionalProperties: false },
);
export type SignIn = Static<typeof SignIn>;
/** A link that signs in one browser, once, within ten minutes. */
export const SignInLink = Type.Object({ url: Type.String() });
export type SignInLink = Static<typeof SignInLink>;

export const RecipeList = Type.Object({ recipes: Type.Array(RecipeSummary) });
export type RecipeList = Static<typeof RecipeList>;
export const PackageList = Type.Object({ packages: Type.Array(PackageSummary), nextCursor: Nullable(Type.String()) });
export type PackageList = Static<typeof PackageList>;
export const AgentList = Type.Object({ agents: Type.Array(AgentSummary) });
export type AgentList = Static<typeof AgentList>;

/** One job, with the run that it is a piece of. */
export const JobAnswer = Type.Object({ ...JobDetail.properties, runId: Type.String() });
export type JobAnswer = Static<typeof JobAnswer>;

/** A change of state that was accepted, and the status that followed at once. */
export const RunChange = Type.Object({ runId: Type.String(), status: RunStatusSchema });
export type RunChange = Static<typeof RunChange>;

/** A webhook that was stored. `duplicate`: the delivery was known, and the ids are those of the first one. */
export const WebhookAnswer = Type.Object({
  requestId: Type.String(),
  eventId: Type.String(),
  duplicate: Type.Boolean(),
});
export type WebhookAnswer = Static<typeof WebhookAnswer>;

/** `GET /api/runtime/readiness`. `reasons` are machine codes; `reason` is the first of them. */
export const RuntimeReadiness = Type.Object({
  ready: Type.Boolean(),
  status: Type.Union([Type.Literal('ready'), Type.Literal('not_ready')]),
  reason: Nullable(Type.String()),
  reasons: Type.Array(Type.String()),
  components: Type.Record(Type.String(), Type.Object({ ok: Type.Boolean(), message: Type.String() })),
});
export type RuntimeReadiness = Static<typeof RuntimeReadiness>;

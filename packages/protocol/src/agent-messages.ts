import Type, { type Static } from 'typebox';
import { CompiledJob } from './compiled.ts';
import { FAILURE_CLASSES, type FailureClass } from './states.ts';

/**
 * What an agent and an orchestrator say to each other over `GET /agents/socket` (WebSocket, Bearer agent token).
 * Text messages are JSON, one of the shapes below. Binary messages from the agent are log frames (`frame.ts`), one a
 * message. Every message about a job names its attempt and its fence; one whose fence is stale is answered with `job.stop`.
 */

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' });

/**
 * What a message may hold at most. Far more than an agent of Kiln's ever says, and little enough that whatever passes can
 * be stored, read back and shown: numbers fit the columns, times fit a date, texts stay texts.
 */
const LARGEST_INT = 2_147_483_647;
const Name = Type.String({ maxLength: 253 });
const Title = Type.String({ maxLength: 1000 });
const Text = Type.String({ maxLength: 4000 });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Code = Type.Integer({ minimum: -LARGEST_INT - 1, maximum: LARGEST_INT });
/** Milliseconds since the epoch, up to the end of the year 9999. */
const Time = Type.Number({ minimum: 0, maximum: 253_402_300_799_999 });
const MOST_ATTEMPTS = 4096;
const MOST_LABELS = 512;
const MOST_PHASES = 1000;
const MOST_STEPS = 1000;

/** Names one try at one job, and the right to speak for it. */
const AttemptRef = {
  jobId: Uuid,
  attempt: Type.Integer({ minimum: 1, maximum: LARGEST_INT }),
  fence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
};
export const AttemptReference = Type.Object(AttemptRef);
export type AttemptReference = Static<typeof AttemptReference>;

export const Failure = Type.Object({
  class: Type.Unsafe<FailureClass>(Type.String({ enum: Object.keys(FAILURE_CLASSES) })),
  /** One sentence with the value that matters: `step "make" ended with exit code 2`. */
  message: Text,
  phase: Type.Union([Title, Type.Null()]),
  step: Type.Union([Title, Type.Null()]),
  /** Number of the first log line that looks like the cause, or null. */
  line: Type.Union([Count, Type.Null()]),
  /** That line's text. */
  lineText: Type.Union([Text, Type.Null()]),
  exitCode: Type.Union([Code, Type.Null()]),
  signal: Type.Union([Name, Type.Null()]),
});
export type Failure = Static<typeof Failure>;

const State = Type.Union([
  Type.Literal('waiting'),
  Type.Literal('running'),
  Type.Literal('completed'),
  Type.Literal('failed'),
  Type.Literal('skipped'),
  Type.Literal('cancelled'),
]);

/** A step as it went. Times are milliseconds since the epoch by the agent's clock, null until they happen. */
export const StepReport = Type.Object({
  name: Title,
  state: State,
  startedAt: Type.Union([Time, Type.Null()]),
  finishedAt: Type.Union([Time, Type.Null()]),
  exitCode: Type.Union([Code, Type.Null()]),
  signal: Type.Union([Name, Type.Null()]),
  firstLine: Type.Union([Count, Type.Null()]),
});
export type StepReport = Static<typeof StepReport>;

export const PhaseReport = Type.Object({
  name: Title,
  weight: Type.Number({ minimum: 0, maximum: 1e9 }),
  state: State,
  startedAt: Type.Union([Time, Type.Null()]),
  finishedAt: Type.Union([Time, Type.Null()]),
  steps: Type.Array(StepReport, { maxItems: MOST_STEPS }),
});
export type PhaseReport = Static<typeof PhaseReport>;

/** How far an attempt is. `percent` never goes back and is 100 only in a completed job. */
export const Progress = Type.Object({
  percent: Type.Number({ minimum: 0, maximum: 100 }),
  text: Title,
  phases: Type.Array(PhaseReport, { maxItems: MOST_PHASES }),
});
export type Progress = Static<typeof Progress>;

/** `stopped`: the agent was stopped in good order, which is not the job's fault. Otherwise it was killed. */
export const LostAttempt = Type.Object({ ...AttemptReference.properties, stopped: Type.Optional(Type.Boolean()) });
export type LostAttempt = Static<typeof LostAttempt>;

export const AgentHello = Type.Object({
  type: Type.Literal('hello'),
  version: Name,
  name: Name,
  host: Name,
  os: Name,
  arch: Name,
  labels: Type.Array(Type.String({ maxLength: 512 }), { maxItems: MOST_LABELS }),
  slots: Type.Integer({ minimum: 1, maximum: 1024 }),
  /** Total memory of the host in bytes. */
  memory: Count,
  /** Attempts that it still runs, or whose result was not acknowledged. */
  running: Type.Array(AttemptReference, { maxItems: MOST_ATTEMPTS }),
  /** Attempts that it held when it ended and can't go on with. */
  lost: Type.Array(LostAttempt, { maxItems: MOST_ATTEMPTS }),
});
export type AgentHello = Static<typeof AgentHello>;

export const AgentProgress = Type.Object({ type: Type.Literal('job.progress'), ...AttemptRef, progress: Progress });
/** The first step is about to run: started → building. */
export const AgentBuilding = Type.Object({ type: Type.Literal('job.building'), ...AttemptRef, progress: Progress });
/** The last word on an attempt; repeated until `job.finished.ack`. All its frames were sent before. */
export const AgentFinished = Type.Object({
  type: Type.Literal('job.finished'),
  ...AttemptRef,
  outcome: Type.Union([Type.Literal('completed'), Type.Literal('failed'), Type.Literal('cancelled')]),
  failure: Type.Union([Failure, Type.Null()]),
  progress: Progress,
  /** Sequence of the last frame, 0 when there was none. */
  lastSequence: Type.Integer({ minimum: 0, maximum: LARGEST_INT }),
  commitTime: Type.Union([Type.Integer(), Type.Null()]),
});
export type AgentFinished = Static<typeof AgentFinished>;
/** A line of the agent's own service log, re-emitted by the orchestrator with `service:"agent"`. */
export const AgentLog = Type.Object({
  type: Type.Literal('agent.log'),
  line: Type.Record(Type.String(), Type.Unknown()),
});
/** Every 30 s: Prometheus text of the agent's metrics, and figures for the fleet page. */
export const AgentMetrics = Type.Object({
  type: Type.Literal('metrics'),
  text: Type.String({ maxLength: 1_000_000 }),
  cpu: Type.Number(),
  memoryUsed: Type.Integer(),
  uptime: Type.Number(),
});

export const AgentMessage = Type.Union([
  AgentHello,
  AgentBuilding,
  AgentProgress,
  AgentFinished,
  AgentLog,
  AgentMetrics,
]);
export type AgentMessage = Static<typeof AgentMessage>;

/** Everything that an agent needs to run an attempt. */
export const JobDispatch = Type.Object({
  type: Type.Literal('job.dispatch'),
  ...AttemptRef,
  runId: Type.String(),
  requestId: Type.String(),
  /** W3C trace context of the attempt's span, or null. */
  traceparent: Type.Union([Type.String(), Type.Null()]),
  recipe: Type.String(),
  version: Type.String(),
  job: CompiledJob,
  upstream: Type.Union([
    Type.Object({ git: Type.String(), ref: Type.String(), commit: Type.Union([Type.String(), Type.Null()]) }),
    Type.Null(),
  ]),
  /** Seconds since the epoch, for SOURCE_DATE_EPOCH where there is no upstream commit. */
  eventTime: Type.Integer(),
});
export type JobDispatch = Static<typeof JobDispatch>;

export const OrchestratorMessage = Type.Union([
  Type.Object({
    type: Type.Literal('welcome'),
    agentId: Type.String(),
    orchestrator: Type.String(),
    /** Attempts to go on with: the last frame that was committed, so the agent sends the next ones. */
    adopted: Type.Array(Type.Object({ ...AttemptRef, lastSequence: Type.Integer({ minimum: 0 }) })),
    /** Attempts whose fence is stale: stop, keep nothing. */
    stop: Type.Array(AttemptReference),
  }),
  JobDispatch,
  /** Frames up to `sequence` are committed. */
  Type.Object({ type: Type.Literal('log.ack'), ...AttemptRef, sequence: Type.Integer({ minimum: 1 }) }),
  /** Stop the steps, send what is left of the log, report `cancelled` (or `failed`, for a timeout). */
  Type.Object({ type: Type.Literal('job.cancel'), ...AttemptRef, reason: Type.String() }),
  /** The attempt is not this agent's any more: kill it, clean up, report nothing. */
  Type.Object({ type: Type.Literal('job.stop'), ...AttemptRef }),
  Type.Object({ type: Type.Literal('job.finished.ack'), ...AttemptRef }),
]);
export type OrchestratorMessage = Static<typeof OrchestratorMessage>;

/** Close codes of the agents' socket. */
export const CLOSE = { badMessage: 4400, unauthorized: 4401, replaced: 4409, goingAway: 1001 } as const;

/** `POST /agents/enrol` with a join token: an identity of its own for the agent. */
export const EnrolRequest = Type.Object(
  { name: Type.String({ pattern: '^[^\\p{Cc}\\p{Cs}]{1,253}$' }) },
  { additionalProperties: false },
);
export const EnrolResponse = Type.Object({ agentId: Uuid, token: Type.String() });
export type EnrolResponse = Static<typeof EnrolResponse>;

/**
 * `PUT /agents/artifacts/<jobId>/<attempt>/<fence>/<path…>` (Bearer agent token, `x-kiln-sha256`: hex digest of the body):
 * stages one artifact. 200 again for the same bytes, 409 for a stale fence, 422 for a wrong digest or an unsafe path.
 */
export const ArtifactResponse = Type.Object({ path: Type.String(), bytes: Type.Integer(), sha256: Type.String() });
export type ArtifactResponse = Static<typeof ArtifactResponse>;

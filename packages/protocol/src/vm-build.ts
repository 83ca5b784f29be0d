import Type, { type Static } from 'typebox';
import { JOB_STATUSES, type JobStatus, LOG_LEVELS, type LogLevel } from './states.ts';

/**
 * The build service: what builders (programs that speak HTTP) post, and what those who watch builds read. A task is a job,
 * and `task_id` the job's id. Keys may be added to any of these shapes; none is taken away or changes its meaning while
 * `BUILD_STREAM_VERSION` stays the same.
 */

/** Version of the messages of the stream, told in its `hello`. */
export const BUILD_STREAM_VERSION = 1;

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const Status = Type.Unsafe<JobStatus>(Type.String({ enum: [...JOB_STATUSES] }));
const Level = Type.Unsafe<LogLevel>(Type.String({ enum: [...LOG_LEVELS] }));
const Count = Type.Integer({ minimum: 0 });

/** The most entries of one batch. */
export const MOST_ENTRIES = 10_000;

/** One message of a builder, of one line or several. */
export const PostedEntry = Type.Object({
  /** RFC 3339, by the builder's clock. */
  timestamp: Type.String({ format: 'date-time', maxLength: 64 }),
  level: Level,
  /** BUILD-ORCHESTRATOR, PACKER, ANSIBLE, PROXMOX, NETBIRD; any other is kept as it is. */
  component: Type.String({ minLength: 1, maxLength: 64 }),
  message: Type.String(),
  /** Where in the build it is: the name of a phase or a step of the job, or words of the builder's own. */
  context: Type.Optional(Nullable(Type.String({ maxLength: 256 }))),
});
export type PostedEntry = Static<typeof PostedEntry>;

/** `POST /api/vm-build/task-logs`. The entries are checked one by one, so that a refusal can name the one that is wrong. */
export const PostedLogs = Type.Object({
  task_id: Type.String({ maxLength: 200 }),
  entries: Type.Array(Type.Unknown()),
  /** Names the batch: one that comes again, because its answer was lost, adds nothing. Default: the batch's own content. */
  batch_id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
});
export type PostedLogs = Static<typeof PostedLogs>;
export const PostedLogsAnswer = Type.Object({ accepted: Count });
export type PostedLogsAnswer = Static<typeof PostedLogsAnswer>;

export const LogEntry = Type.Object({
  timestamp: Type.String(),
  level: Level,
  component: Type.String(),
  /** The step, else the phase, else the builder's own words; empty outside of all. */
  context: Type.String(),
  message: Type.String(),
});
export type LogEntry = Static<typeof LogEntry>;

/** `GET /api/vm-build/task-logs/{task_id}` */
export const TaskLogs = Type.Object({
  task_id: Type.String(),
  attempt: Type.Integer(),
  entries: Type.Array(Type.Object({ line: Type.Integer(), ...LogEntry.properties })),
  /** Pass it as `cursor` for what follows, now or later; null when the log is complete. A page may be short before the end. */
  next_cursor: Nullable(Type.String()),
  /** Whether the attempt ended and these are its last entries. */
  complete: Type.Boolean(),
});
export type TaskLogs = Static<typeof TaskLogs>;

const Since = Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });

/** What a client of `GET /api/vm-build/logs/stream` (WebSocket) may say, as JSON text. */
export const BuildStreamRequest = Type.Union([
  Type.Object(
    {
      type: Type.Literal('subscribe'),
      /** A task, or `all`: every one that runs now or starts later. */
      task_id: Type.String({ maxLength: 200 }),
      /** Only for a task: the attempt to begin with. Default: the latest one. */
      attempt: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
      /**
       * The last line that the client has: it gets what follows. 0, the default, is everything; a negative number begins so
       * many lines before the end. For `all` it may be an object of task ids with the last line of each.
       */
      since: Type.Optional(Type.Union([Since, Type.Record(Type.String(), Since)])),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { type: Type.Literal('unsubscribe'), task_id: Type.String({ maxLength: 200 }) },
    { additionalProperties: false },
  ),
  Type.Object({ type: Type.Literal('ping') }, { additionalProperties: false }),
]);
export type BuildStreamRequest = Static<typeof BuildStreamRequest>;

export const BuildInfo = Type.Object({
  /** Who asked for the build: a person, or what triggered it. */
  client: Type.String(),
  /** The kind of build: `vm`, `hardware` or `container` where the job has that label, else `package` or `generic`. */
  platform: Type.String(),
  /** What is built: `recipe@version`. */
  image: Type.String(),
  /** The job of the recipe, such as `build` or `test (node=24)`. */
  build_type: Type.String(),
});
export type BuildInfo = Static<typeof BuildInfo>;

/** What a build came to, as far as it is known. */
export const BuildMetadata = Type.Object({
  build_time_seconds: Nullable(Type.Integer()),
  /** Where its packages are published, where they are. */
  download_url: Nullable(Type.String()),
});
export type BuildMetadata = Static<typeof BuildMetadata>;

export const BuildLog = Type.Object({
  type: Type.Literal('build_log'),
  task_id: Type.String(),
  /** `<task_id>.<attempt>` */
  session_id: Type.String(),
  build_info: BuildInfo,
  log_entry: LogEntry,
  attempt: Type.Integer(),
  /** Number of the line in the attempt's log, from 1: what `since` takes. */
  line: Type.Integer(),
});
export type BuildLog = Static<typeof BuildLog>;

export const BuildProgress = Type.Object({
  percentage: Type.Integer({ minimum: 0, maximum: 100 }),
  /** The phase in small letters and dashes: `imaging`. */
  stage: Type.String(),
  stage_name: Type.String(),
  current_step: Type.String(),
  /** Such as `8m 30s`; null while there is nothing to judge by. */
  estimated_remaining: Nullable(Type.String()),
});
export type BuildProgress = Static<typeof BuildProgress>;

const AttemptKeys = { task_id: Type.String(), session_id: Type.String(), attempt: Type.Integer() };

/** What the stream says, as JSON text. Clients pass over types and keys that they do not know. */
export const BuildStreamMessage = Type.Union([
  Type.Object({
    type: Type.Literal('hello'),
    protocol: Type.Integer(),
    version: Type.String(),
    farm_id: Type.String(),
  }),
  /** The subscription holds. How the task stands now; for `all`, `tasks` counts those that run. */
  Type.Object({
    type: Type.Literal('subscribed'),
    task_id: Type.String(),
    status: Nullable(Status),
    attempt: Nullable(Type.Integer()),
    tasks: Type.Integer(),
  }),
  Type.Object({ type: Type.Literal('unsubscribed'), task_id: Type.String() }),
  /** The log of an attempt follows, beginning with `first_line`; `lines` are there so far. */
  Type.Object({ type: Type.Literal('history_start'), ...AttemptKeys, first_line: Count, lines: Count }),
  /** The `lines` of `history_start` were all sent; what follows is written now. */
  Type.Object({ type: Type.Literal('history_end'), ...AttemptKeys, line: Count }),
  BuildLog,
  Type.Object({ type: Type.Literal('progress'), task_id: Type.String(), progress: BuildProgress }),
  Type.Object({
    type: Type.Literal('status_change'),
    task_id: Type.String(),
    old_status: Status,
    new_status: Status,
    message: Type.String(),
    metadata: BuildMetadata,
  }),
  /** The task completed, failed or was cancelled, and every line was sent. The subscription is over. */
  Type.Object({
    type: Type.Literal('end'),
    task_id: Type.String(),
    status: Status,
    message: Type.String(),
    attempt: Nullable(Type.Integer()),
    lines: Count,
    metadata: BuildMetadata,
  }),
  Type.Object({ type: Type.Literal('pong') }),
  Type.Object({
    type: Type.Literal('error'),
    code: Type.String(),
    message: Type.String(),
    task_id: Type.Optional(Type.String()),
  }),
]);
export type BuildStreamMessage = Static<typeof BuildStreamMessage>;

/** A builder's name: what its attempts are held under. */
export const BuilderName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' });
export const NewBuilderToken = Type.Object({ name: BuilderName }, { additionalProperties: false });
/** The token, which can't be had again. `replaced`: the builder had another one, which ended. */
export const BuilderToken = Type.Object({ name: Type.String(), token: Type.String(), replaced: Type.Boolean() });
export type BuilderToken = Static<typeof BuilderToken>;
export const BuilderTokenList = Type.Object({
  builders: Type.Array(Type.Object({ name: Type.String(), createdAt: Type.String({ format: 'date-time' }) })),
});
export type BuilderTokenList = Static<typeof BuilderTokenList>;

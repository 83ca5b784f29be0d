import Type, { type Static } from 'typebox';
import { LogPage } from './api.ts';

/**
 * What the HTTP API says about logs. Line numbers begin at 1; levels are DEBUG, INFO, WARN, ERROR, FATAL; times are
 * RFC 3339 in UTC. An absent `attempt` is the latest one. A log whose time is over answers 410 `log_expired`.
 */

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
/** Line numbers are exact in JavaScript up to here. */
const MAX_LINE = Number.MAX_SAFE_INTEGER;
const Count = Type.Integer({ minimum: 0 });

/** The most hits that one search sends; it counts the rest. */
export const MOST_HITS = 10_000;
/** The most lines around a hit, on each side. */
export const MOST_CONTEXT = 20;

const attempt = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'Which attempt. Default: the latest' }),
);

/** Which lines of a log. Every condition that is given must hold. */
const FILTERS = {
  level: Type.Optional(
    Type.String({
      pattern: '^(?:[Dd][Ee][Bb][Uu][Gg]|[Ii][Nn][Ff][Oo]|[Ww][Aa][Rr][Nn]|[Ee][Rr][Rr][Oo][Rr]|[Ff][Aa][Tt][Aa][Ll])$',
      description: 'At least this level: DEBUG, INFO, WARN, ERROR or FATAL, in any case',
    }),
  ),
  component: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1000, description: 'One of these components, separated by commas' }),
  ),
  phase: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'Name or index (from 0) of a phase; -1: outside of all' }),
  ),
  step: Type.Optional(
    Type.Integer({ minimum: -1, maximum: 65_535, description: 'Index (from 0) of a step in its phase; -1: outside' }),
  ),
  since: Type.Optional(
    Type.String({ minLength: 1, maxLength: 40, description: 'Not before: RFC 3339, or milliseconds since the epoch' }),
  ),
  until: Type.Optional(Type.String({ minLength: 1, maxLength: 40, description: 'Not after: as `since`' })),
};

export const LogFilterQuery = Type.Object(FILTERS);
export type LogFilterQuery = Static<typeof LogFilterQuery>;

/** `GET /api/jobs/{id}/log` */
export const LogQuery = Type.Object(
  {
    attempt,
    ...FILTERS,
    from: Type.Optional(
      Type.Integer({
        minimum: -MAX_LINE,
        maximum: MAX_LINE,
        default: 1,
        description: 'First line to look at; negative counts from the end: -100 begins a hundred lines before it',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000, default: 500, description: 'The most lines' })),
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: '`next` of the page before; goes over `from`' }),
    ),
  },
  { additionalProperties: false },
);

/** `GET /api/jobs/{id}/log.txt` and `log.jsonl` */
export const LogDownloadQuery = Type.Object({ attempt, ...FILTERS }, { additionalProperties: false });

export const LogPageAnswer = Type.Object({
  ...LogPage.properties,
  /**
   * Cursor of what follows: give it back with the same filters. A page may be short, or empty, before the end, since the
   * work of one request is bounded. Null when the log is complete and nothing follows.
   */
  next: Nullable(Type.String()),
});
export type LogPageAnswer = Static<typeof LogPageAnswer>;

/** `GET /api/jobs/{id}/log/outline` */
export const LogOutlineQuery = Type.Object({ attempt }, { additionalProperties: false });

/** What is where in a log: enough for a table of contents, a minimap and counts that equal the log. */
export const LogOutlineAnswer = Type.Object({
  jobId: Type.String(),
  attempt: Type.Integer(),
  /** Whether the attempt ended, so that nothing more comes. */
  complete: Type.Boolean(),
  lines: Count,
  levels: Type.Object({ DEBUG: Count, INFO: Count, WARN: Count, ERROR: Count, FATAL: Count }),
  components: Type.Array(Type.Object({ name: Type.String(), lines: Count })),
  /** Stretches of lines of one step, in order; phase and step are indexes, -1 outside. Times are ms since the epoch. */
  sections: Type.Array(
    Type.Object({
      phase: Type.Integer(),
      step: Type.Integer(),
      firstLine: Type.Integer(),
      lines: Count,
      firstTime: Type.Number(),
      lastTime: Type.Number(),
      warnings: Count,
      errors: Count,
    }),
  ),
  /** Lines of WARN and worse; thinned out where there are very many. */
  marks: Type.Array(Type.Object({ line: Type.Integer(), level: Type.String() })),
  /** The log in up to 400 stretches of about equal length. */
  density: Type.Array(Type.Object({ firstLine: Type.Integer(), lines: Count, warnings: Count, errors: Count })),
});
export type LogOutlineAnswer = Static<typeof LogOutlineAnswer>;

/** `GET /api/jobs/{id}/log/search` */
export const LogSearchQuery = Type.Object(
  {
    attempt,
    ...FILTERS,
    q: Type.String({ minLength: 1, maxLength: 1000, description: 'What to look for in a line' }),
    mode: Type.Optional(
      Type.Union([Type.Literal('text'), Type.Literal('regex')], {
        default: 'text',
        description: '`text` looks for `q` as it is, `regex` takes it as a JavaScript regular expression',
      }),
    ),
    case: Type.Optional(
      Type.Union([Type.Literal('ignore'), Type.Literal('match')], {
        description: 'Default: `ignore`, unless `q` has an upper-case letter',
      }),
    ),
    from: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_LINE, default: 1, description: 'First line that may be a hit' }),
    ),
    context: Type.Optional(
      Type.Integer({ minimum: 0, maximum: MOST_CONTEXT, default: 0, description: 'Lines before and after each hit' }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MOST_HITS,
        default: 1000,
        description:
          'Hits that are sent, with at most 100,000 lines of hits and context together; the count goes on to the end',
      }),
    ),
  },
  { additionalProperties: false },
);
export type LogSearchQuery = Static<typeof LogSearchQuery>;

/** A line beside a hit; one of more than 2,000 characters is cut. */
export const LogContextLine = Type.Object({ line: Type.Integer(), text: Type.String() });
export type LogContextLine = Static<typeof LogContextLine>;

/**
 * `text` is the line as people see it, without control sequences and what was overwritten; `ranges` are the first 200
 * matches in it, as [start, end) in UTF-16 units.
 */
export const LogHit = Type.Object({
  type: Type.Literal('hit'),
  line: Type.Integer(),
  time: Time,
  level: Type.String(),
  component: Type.String(),
  phase: Type.Integer(),
  step: Type.Integer(),
  text: Type.String(),
  ranges: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()])),
  before: Type.Array(LogContextLine),
  after: Type.Array(LogContextLine),
});
export type LogHit = Static<typeof LogHit>;

/** One line of the answer of a search, which is JSON lines. The last one is `end` or `error`. */
export const LogSearchMessage = Type.Union([
  LogHit,
  /** About four times a second: how far it is. `hits` counts those that are not sent, too. */
  Type.Object({ type: Type.Literal('progress'), lines: Count, total: Count, hits: Count }),
  /** `lines` were there when the search began. `complete`: the attempt had ended, so there will be no more. */
  Type.Object({ type: Type.Literal('end'), hits: Count, lines: Count, complete: Type.Boolean() }),
  /** `pattern_too_slow`, or `unavailable` when a part of the log could not be read. */
  Type.Object({ type: Type.Literal('error'), code: Type.String(), message: Type.String() }),
]);
export type LogSearchMessage = Static<typeof LogSearchMessage>;

/** `GET /api/build-logs/proxy` */
export const LogFileQuery = Type.Object(
  {
    task_id: Type.String({ minLength: 1, maxLength: 200, description: 'Id of the job' }),
    file: Type.String({
      minLength: 1,
      maxLength: 200,
      description: '`logFile` of an attempt, such as `1.log`; `1.txt` is the same, `1.jsonl` one JSON object a line',
    }),
  },
  { additionalProperties: false },
);

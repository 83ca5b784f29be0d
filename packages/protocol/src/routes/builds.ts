import Type from 'typebox';
import { LogFilterQuery } from '../log-api.ts';
import {
  BuilderName,
  BuilderToken,
  BuilderTokenList,
  BuildStreamMessage,
  NewBuilderToken,
  PostedLogs,
  PostedLogsAnswer,
  TaskLogs,
} from '../vm-build.ts';
import type { RouteTable } from './definition.ts';
import { Attempt, Nothing } from './params.ts';

const TaskLogsQuery = Type.Object(
  {
    attempt: Type.Optional(Attempt),
    ...LogFilterQuery.properties,
    q: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1000, description: 'Only lines with this text, in any case' }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000, default: 500, description: 'The most entries' })),
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, description: '`next_cursor` of the page before' }),
    ),
  },
  { additionalProperties: false },
);

/** The build service: what builders report, what those who watch builds read, and the builders' tokens. */
export const BUILD_ROUTES = {
  'POST /api/vm-build/task-logs': {
    summary: 'Append a batch of log entries to a task (builders)',
    description: 'A batch that comes again adds nothing. docs/builders.md is the guide.',
    tag: 'builders',
    permission: 'tasks.report',
    body: PostedLogs,
    answers: { 200: PostedLogsAnswer },
    errors: ['not_held', 'not_found', 'batch_reused', 'task_finished', 'batch_too_large', 'invalid_entry'],
  },
  'GET /api/vm-build/task-logs/:task_id': {
    summary: 'Log entries of a task, in order',
    tag: 'builds',
    permission: 'logs.read',
    params: Type.Object({ task_id: Type.String({ maxLength: 200 }) }),
    query: TaskLogsQuery,
    answers: { 200: TaskLogs },
    errors: ['bad_cursor', 'bad_time', 'unknown_phase', 'not_found', 'log_expired'],
  },
  'GET /api/vm-build/logs/stream': {
    summary: 'Stream of builds (WebSocket): log entries, progress and changes of status, as JSON',
    description: 'Messages are described in docs/api.md.',
    tag: 'builds',
    permission: 'logs.read',
    answers: { 101: BuildStreamMessage },
    form: 'websocket',
    head: false,
  },
  'GET /api/builder-tokens': {
    summary: 'The builders that have a token',
    tag: 'builders',
    permission: 'builder-tokens.read',
    answers: { 200: BuilderTokenList },
  },
  'POST /api/builder-tokens': {
    summary: 'Make the token of a builder, which is shown once; an earlier one ends',
    tag: 'builders',
    permission: 'builder-tokens.manage',
    body: NewBuilderToken,
    answers: { 201: BuilderToken },
  },
  'DELETE /api/builder-tokens/:name': {
    summary: 'End the token of a builder',
    tag: 'builders',
    permission: 'builder-tokens.manage',
    params: Type.Object({ name: BuilderName }),
    answers: { 204: Nothing },
    errors: ['not_found'],
  },
} as const satisfies RouteTable;

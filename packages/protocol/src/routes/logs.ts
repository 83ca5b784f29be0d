import {
  LogDownloadQuery,
  LogFileQuery,
  LogOutlineAnswer,
  LogOutlineQuery,
  LogPageAnswer,
  LogQuery,
  LogSearchMessage,
  LogSearchQuery,
} from '../log-api.ts';
import type { RouteTable } from './definition.ts';
import { Bytes, IdParams } from './params.ts';

const DOWNLOAD =
  'Of any size, as far as it is written. A whole log as text is sent as it is stored to clients that accept zstd; everything else by gzip to clients that accept that.';

/** What the jobs printed; the live socket follows it. */
export const LOG_ROUTES = {
  'GET /api/jobs/:id/log': {
    summary: 'Lines of a log',
    description:
      'With filters, a page holds the lines that pass among those that it looked at. It may be short, or empty, before the end: go on with `next`.',
    tag: 'logs',
    permission: 'logs.read',
    params: IdParams,
    query: LogQuery,
    answers: { 200: LogPageAnswer },
    errors: ['bad_cursor', 'bad_time', 'unknown_phase', 'not_found', 'log_expired'],
  },
  'GET /api/jobs/:id/log/outline': {
    summary: 'What is where in a log',
    description:
      'Counts of levels and components that equal the log, its sections by phase and step, where its warnings and errors are, and how they are spread.',
    tag: 'logs',
    permission: 'logs.read',
    params: IdParams,
    query: LogOutlineQuery,
    answers: { 200: LogOutlineAnswer },
    errors: ['not_found', 'log_expired'],
  },
  'GET /api/jobs/:id/log.txt': {
    summary: 'A log as text',
    description: DOWNLOAD,
    tag: 'logs',
    permission: 'logs.read',
    params: IdParams,
    query: LogDownloadQuery,
    answers: { 200: Bytes },
    form: 'bytes',
    media: ['text/plain'],
    errors: ['bad_time', 'unknown_phase', 'not_found', 'log_expired'],
  },
  'GET /api/jobs/:id/log.jsonl': {
    summary: 'A log, one JSON object a line',
    description: DOWNLOAD,
    tag: 'logs',
    permission: 'logs.read',
    params: IdParams,
    query: LogDownloadQuery,
    answers: { 200: Bytes },
    form: 'bytes',
    media: ['application/jsonl'],
    errors: ['bad_time', 'unknown_phase', 'not_found', 'log_expired'],
  },
  'GET /api/jobs/:id/log/search': {
    summary: 'Searches a whole log',
    description:
      'As far as it is written. The answer is JSON lines, sent as they are found: `hit` in the order of the log, `progress` about four times a second, and `end` or `error` as the last. Close the connection to end the search. docs/logs.md tells what an expression may be.',
    tag: 'logs',
    permission: 'logs.read',
    params: IdParams,
    query: LogSearchQuery,
    answers: { 200: LogSearchMessage },
    form: 'json-lines',
    media: ['application/x-ndjson'],
    errors: ['bad_pattern', 'bad_time', 'unknown_phase', 'not_found', 'log_expired', 'too_many_searches'],
    head: false,
  },
  'GET /api/build-logs/proxy': {
    summary: 'A log by its file reference',
    description: 'The same as `log.txt` and `log.jsonl` of the job, wherever the log is kept.',
    tag: 'logs',
    permission: 'logs.read',
    query: LogFileQuery,
    answers: { 200: Bytes },
    form: 'bytes',
    media: ['text/plain', 'application/jsonl'],
    errors: ['not_found', 'log_expired'],
  },
} as const satisfies RouteTable;

import { JobAnswer, RunChange, RunDetail, RunList, RunQuery, StartedRun, StartRun } from '../api.ts';
import type { RouteTable } from './definition.ts';
import { IdParams } from './params.ts';

/** Runs: the list, one, and what may be done with them; and their jobs. */
export const RUN_ROUTES = {
  'GET /api/runs': {
    summary: 'Runs, newest first',
    tag: 'runs',
    permission: 'runs.read',
    query: RunQuery,
    answers: { 200: RunList },
    errors: ['bad_cursor'],
  },
  'GET /api/runs/:id': {
    summary: 'Everything about one run',
    tag: 'runs',
    permission: 'runs.read',
    params: IdParams,
    answers: { 200: RunDetail },
    errors: ['not_found'],
  },
  'POST /api/runs': {
    summary: 'Build a recipe: the newest version that its upstream has, or the one given',
    tag: 'runs',
    permission: 'runs.start',
    body: StartRun,
    answers: { 202: StartedRun },
    errors: ['unknown_recipe'],
  },
  'POST /api/runs/:id/cancel': {
    summary: 'End a run that goes on, or take a failed one off its retries',
    tag: 'runs',
    permission: 'runs.cancel',
    params: IdParams,
    answers: { 200: RunChange },
    errors: ['not_found', 'illegal_state_change'],
  },
  'POST /api/runs/:id/retry': {
    summary: 'Try a failed run again at once',
    tag: 'runs',
    permission: 'runs.retry',
    params: IdParams,
    answers: { 200: RunChange },
    errors: ['not_found', 'illegal_state_change'],
  },
  'GET /api/jobs/:id': {
    summary: 'One job',
    tag: 'jobs',
    permission: 'runs.read',
    params: IdParams,
    answers: { 200: JobAnswer },
    errors: ['not_found'],
  },
} as const satisfies RouteTable;

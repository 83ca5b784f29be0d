import Type from 'typebox';
import { DeadLetters, EventDetail } from '../api.ts';
import type { RouteTable } from './definition.ts';
import { IdParams, Nothing, Uuid } from './params.ts';

/** Events, and those of them that failed every attempt. */
export const EVENT_ROUTES = {
  'GET /api/events/:id': {
    summary: 'One event',
    tag: 'events',
    permission: 'events.read',
    params: IdParams,
    answers: { 200: EventDetail },
    errors: ['not_found'],
  },
  'GET /api/dead-letters': {
    summary: 'Events that failed every attempt, newest first',
    tag: 'events',
    permission: 'events.read',
    query: Type.Object(
      {
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
        before: Type.Optional(Uuid),
      },
      { additionalProperties: false },
    ),
    answers: { 200: DeadLetters },
  },
  'POST /api/dead-letters/:id/retry': {
    summary: 'Give a dead letter all of its attempts again, at once',
    tag: 'events',
    permission: 'events.retry',
    params: IdParams,
    answers: { 202: EventDetail },
    errors: ['not_found'],
  },
  'DELETE /api/dead-letters/:id': {
    summary: 'Remove a dead letter for good',
    tag: 'events',
    permission: 'events.discard',
    params: IdParams,
    answers: { 204: Nothing },
    errors: ['not_found'],
  },
} as const satisfies RouteTable;

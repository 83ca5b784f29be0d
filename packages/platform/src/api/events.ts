import { ApiError, DeadLetters, EventDetail } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { countDeadLetters, discardDeadLetter, getEvent, listDeadLetters, retryDeadLetter } from '@kiln/store/events.ts';
import Type from 'typebox';
import type { App } from '../app.ts';
import { IdParams, notFound, Uuid } from './params.ts';

const tags = ['events'];
const DeadLetterQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
    before: Type.Optional(Uuid),
  },
  { additionalProperties: false },
);

/** Events, and those of them that failed every attempt. */
export function addEventRoutes(app: App, { db, bus, log }: FarmContext): void {
  app.get(
    '/api/events/:id',
    { schema: { summary: 'One event', tags, params: IdParams, response: { 200: EventDetail, 404: ApiError } } },
    async (request) => {
      const event = await getEvent(db, request.params.id);
      if (!event) throw notFound('event', request.params.id);
      return event;
    },
  );

  app.get(
    '/api/dead-letters',
    {
      schema: {
        summary: 'Events that failed every attempt, newest first',
        tags,
        querystring: DeadLetterQuery,
        response: { 200: DeadLetters },
      },
    },
    async (request) => {
      const { limit = 50, before } = request.query;
      const [count, events] = await Promise.all([countDeadLetters(db), listDeadLetters(db, limit, before)]);
      return { count, events };
    },
  );

  app.post(
    '/api/dead-letters/:id/retry',
    {
      schema: {
        summary: 'Give a dead letter all of its attempts again, at once',
        tags,
        params: IdParams,
        response: { 202: EventDetail, 404: ApiError },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await retryDeadLetter(db, id))) throw notFound('dead letter', id);
      log.info({ eventId: id, by: request.principal?.subject }, 'dead letter retried');
      bus.publish(SUBJECTS.event, {});
      bus.publish(SUBJECTS.changed, { topic: 'event', id });
      const event = await getEvent(db, id);
      if (!event) throw notFound('event', id);
      return await reply.code(202).send(event);
    },
  );

  app.delete(
    '/api/dead-letters/:id',
    {
      schema: {
        summary: 'Remove a dead letter for good',
        tags,
        params: IdParams,
        response: { 204: Type.Null(), 404: ApiError },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await discardDeadLetter(db, id))) throw notFound('dead letter', id);
      log.info({ eventId: id, by: request.principal?.subject }, 'dead letter discarded');
      bus.publish(SUBJECTS.changed, { topic: 'event', id });
      return await reply.code(204).send(null);
    },
  );
}

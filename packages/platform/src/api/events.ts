import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { principalOf } from '@kiln/service/access/guard.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { countDeadLetters, discardDeadLetter, getEvent, listDeadLetters, retryDeadLetter } from '@kiln/store/events.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';

/** Events, and those of them that failed every attempt. */
export function addEventRoutes(app: FastifyInstance, { db, bus, log }: FarmContext): void {
  registerRoute(app, 'GET /api/events/:id', async (request) => {
    const event = await getEvent(db, request.params.id);
    if (!event) throw notFound('event', request.params.id);
    return event;
  });

  registerRoute(app, 'GET /api/dead-letters', async (request) => {
    const { limit = 50, before } = request.query;
    const [count, events] = await Promise.all([countDeadLetters(db), listDeadLetters(db, limit, before)]);
    return { count, events };
  });

  registerRoute(app, 'POST /api/dead-letters/:id/retry', async (request) => {
    const { id } = request.params;
    if (!(await retryDeadLetter(db, id))) throw notFound('dead letter', id);
    log.info({ eventId: id, by: principalOf(request).id }, 'dead letter retried');
    bus.publish(SUBJECTS.event, {});
    bus.publish(SUBJECTS.changed, { topic: 'event', id });
    const event = await getEvent(db, id);
    if (!event) throw notFound('event', id);
    return event;
  });

  registerRoute(app, 'DELETE /api/dead-letters/:id', async (request) => {
    const { id } = request.params;
    if (!(await discardDeadLetter(db, id))) throw notFound('dead letter', id);
    log.info({ eventId: id, by: principalOf(request).id }, 'dead letter discarded');
    bus.publish(SUBJECTS.changed, { topic: 'event', id });
    return null;
  });
}

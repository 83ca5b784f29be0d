import type { WebhookAnswer } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { inSpan, traceparentOf } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import type { Forge, Received } from './payload.ts';

type Receive = (
  kind: string,
  forge: Forge,
  received: Received,
  ids: { requestId: string; delivery: string },
) => Promise<WebhookAnswer>;

/** Makes what stores a webhook that was checked: the event and its first milestone in one transaction, then a hint. */
export function createReceiver({ db, bus, log, metrics, service, instance }: FarmContext): Receive {
  const accepted = metrics.counter('webhooks_received_total', 'Webhooks that were stored', ['kind']);
  return async (kind, forge, received, ids) =>
    await inSpan('webhook.receive', { parent: null, attributes: { 'kiln.webhook.kind': kind } }, async (span) => {
      const { name, routingKey, payload } = received;
      const { requestId, delivery } = ids;
      const stored = await db.begin(async (sql) => {
        const event = await insertEvent(sql, {
          source: forge.source,
          deliveryId: delivery,
          name,
          routingKey,
          payload,
          requestId,
          traceparent: traceparentOf(span),
        });
        if (!event.duplicate) {
          await addMilestones(sql, [
            {
              requestId,
              service,
              instance,
              name: 'webhook.received',
              message: `${kind} sent ${WORDS[name]}${describe(payload)}`,
              detail: { kind, eventId: event.eventId, routingKey, delivery },
            },
          ]);
        }
        return event;
      });
      span.setAttributes({ 'kiln.request_id': stored.requestId, 'kiln.event_id': stored.eventId });
      accepted.inc({ kind });
      log.info(
        {
          kind,
          requestId: stored.requestId,
          eventId: stored.eventId,
          routingKey,
          delivery,
          duplicate: stored.duplicate || undefined,
        },
        'webhook received',
      );
      if (!stored.duplicate) bus.publish(SUBJECTS.event, {});
      return stored;
    });
}

const WORDS = {
  'webhook.push': 'a push',
  'webhook.ping': 'a ping',
  'webhook.other': 'another event',
  build: 'a build',
} as const;

/** About what, for people to read. */
function describe(payload: Received['payload']): string {
  const repository = typeof payload.repository === 'string' && payload.repository ? ` about ${payload.repository}` : '';
  return typeof payload.ref === 'string' ? `${repository}, ${payload.ref}` : repository;
}

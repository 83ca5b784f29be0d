import { randomUUID } from 'node:crypto';
import { startRouting } from '@kiln/orchestrator/route/routing.ts';
import { order, rosterOf } from '@kiln/orchestrator/route/test-router.ts';
import { connect } from '@kiln/platform/live/testing-client.ts';
import { testPlatform } from '@kiln/platform/testing.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { EVENT_POLICY } from '@kiln/protocol/events.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { expect, onTestFinished, test } from 'vitest';

test('an event that comes to the dead-letter queue, and one that leaves it, reaches open pages over the bus', async () => {
  const p = await testPlatform();
  onTestFinished(async () => await p.stop());
  startRouting({ ...p.context, metrics: createMetrics('kiln_orch_') }, rosterOf());
  const page = await connect(p);
  page.send({ type: 'follow.runs' });
  const hints = (id: string) =>
    page.messages.filter((message) => message.type === 'changed' && message.topic === 'event' && message.id === id);
  // The page follows once any hint reaches it.
  const probe = randomUUID();
  await expect
    .poll(
      () => {
        p.bus.publish(SUBJECTS.changed, { topic: 'event', id: probe });
        return hints(probe).length;
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(0);

  const { eventId } = await insertEvent(p.db, { ...order('tool', '1.0'), payload: { recipe: 7 } });
  await p.db`UPDATE events SET attempts = ${EVENT_POLICY.attempts - 1} WHERE event_id = ${eventId}`;
  p.bus.publish(SUBJECTS.event, {});
  await expect.poll(() => hints(eventId).length, { timeout: 30_000 }).toBe(1);
  expect(await p.json('/api/dead-letters')).toMatchObject({ events: [{ eventId }] });

  expect((await p.ask(`/api/dead-letters/${eventId}`, { method: 'DELETE' })).ok).toBe(true);
  await expect.poll(() => hints(eventId).length, { timeout: 30_000 }).toBe(2);
});

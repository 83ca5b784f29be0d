import { setTimeout as sleep } from 'node:timers/promises';
import type { EventDetail, RunDetail, StartedRun } from '@kiln/protocol/api.ts';
import type { Client } from './client.ts';
import { CliError } from './errors.ts';

/** How long an order may wait to be handled, in milliseconds; afterwards it goes on without us. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 100;

/** What became of an order. */
export interface Started {
  event: EventDetail;
  runs: RunDetail[];
}

/** `hello` or `hello@1.2.0`. */
export function parseTarget(target: string): { recipe: string; version?: string } {
  const at = target.indexOf('@');
  if (at < 0) return { recipe: target };
  const recipe = target.slice(0, at);
  const version = target.slice(at + 1);
  if (recipe === '' || version === '') throw new CliError(`"${target}" is not recipe or recipe@version`, 2);
  return { recipe, version };
}

/** Orders a run and waits until the order was handled: it made runs, or was ignored for a reason. */
export async function startRun(client: Client, target: string, options: { force: boolean }): Promise<Started> {
  const { eventId } = await client.post<StartedRun>('/api/runs', { ...parseTarget(target), force: options.force });
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const event = await client.get<EventDetail>(`/api/events/${eventId}`);
    if (event.status === 'done') {
      const runs = event.runs.map(async (runId) => await client.get<RunDetail>(`/api/runs/${runId}`));
      return { event, runs: await Promise.all(runs) };
    }
    if (event.status === 'dead')
      throw new CliError(`the order failed: ${event.dlqReason ?? event.lastError ?? 'no reason given'}`);
    if (Date.now() > deadline) {
      throw new CliError(
        `the order was stored and waits to be handled (event ${eventId}); follow it with: kiln trace ${eventId}`,
      );
    }
    await sleep(PAUSE_MS);
  }
}

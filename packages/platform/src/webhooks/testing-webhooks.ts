import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WebhookAnswer } from '@kiln/protocol/api.ts';
import { expect } from 'vitest';
import type { TestPlatform } from '../testing.ts';

export const SECRET = "It's a Secret to Everybody";

/** Gives the webhooks of GitHub, Gitea and GitLab their secret, as an editor would save it. */
export async function configureSecrets(p: TestPlatform): Promise<void> {
  const { webhooks } = p.context.config;
  for (const kind of ['githubSecretFile', 'giteaSecretFile', 'gitlabTokenFile'] as const) {
    webhooks[kind] = join(p.dataDir, kind);
    await writeFile(webhooks[kind], `${SECRET}\n`);
  }
}

/** The HMAC-SHA256 of a body, in hex. */
export function sign(body: string, secret = SECRET): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** Sends a webhook as it is given. */
export async function send(
  p: TestPlatform,
  kind: string,
  body: string,
  headers: Record<string, string>,
  method = 'POST',
): Promise<Response> {
  return await fetch(`${p.url}/webhooks/${kind}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'GET' ? {} : { body }),
  });
}

/** What a webhook was answered, which must be a success, and what of it was stored. */
export async function stored(p: TestPlatform, response: Response) {
  expect(response.status).toBe(200);
  const answer: WebhookAnswer = await response.json();
  const [event] = await p.db`
    SELECT request_id, source, name, routing_key, payload, delivery_id, traceparent FROM events WHERE event_id = ${answer.eventId}`;
  return { answer, event };
}

import { createRequire } from 'node:module';
import type { WebhookAnswer } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';
import { configureSecrets, send, sign, stored } from './testing-webhooks.ts';

const examples: { name: string; examples: unknown[] }[] = createRequire(import.meta.url)('@octokit/webhooks-examples');
let p: TestPlatform;
let hints = 0;
beforeAll(async () => {
  p = await testPlatform();
  await configureSecrets(p);
  p.bus.subscribe(SUBJECTS.event, () => hints++);
});
afterAll(async () => await p.stop());

const github = async (event: string, payload: unknown, headers: Record<string, string> = {}) => {
  const body = JSON.stringify(payload);
  const signature = `sha256=${sign(body)}`;
  return await send(p, 'github', body, { 'x-hub-signature-256': signature, 'x-github-event': event, ...headers });
};

describe('webhooks of GitHub', () => {
  it('are accepted, whatever they are about', async () => {
    for (const { name, examples: payloads } of examples) {
      for (const [index, payload] of payloads.entries()) {
        const response = await github(name, payload, { 'x-github-delivery': `${name}-${index}` });
        expect([name, index, response.status]).toEqual([name, index, 200]);
      }
    }
  });

  it('tell of pushes, tags and releases in Kiln’s words', async () => {
    const example = (name: string) => examples.find((entry) => entry.name === name)?.examples[0];
    const push = await stored(p, await github('push', example('push')));
    expect(push.event).toMatchObject({
      source: 'github',
      name: 'webhook.push',
      routingKey: 'github:186853002',
      payload: {
        repository: 'codertocat/hello-world',
        urls: expect.arrayContaining(['https://github.com/Codertocat/Hello-World.git']),
        ref: 'refs/tags/simple-tag',
        commit: '6113728f27ae82c7b1a177c8d03f9e96e0adf246',
        deleted: false,
        sender: 'Codertocat',
      },
    });
    expect(push.event?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-/);
    const created = await stored(p, await github('create', example('create')));
    expect(created.event).toMatchObject({
      name: 'webhook.push',
      payload: { ref: 'refs/tags/simple-tag', commit: null },
    });
    const released = await stored(p, await github('release', example('release')));
    expect(released.event).toMatchObject({ name: 'webhook.push', payload: { ref: 'refs/tags/0.0.1' } });
    expect((await stored(p, await github('ping', example('ping')))).event?.name).toBe('webhook.ping');
    expect((await stored(p, await github('star', example('star')))).event?.name).toBe('webhook.other');
  });

  it('may come as a form', async () => {
    const body = new URLSearchParams({ payload: JSON.stringify({ zen: 'x', hook_id: 7 }) }).toString();
    const response = await send(p, 'github', body, {
      'content-type': 'application/x-www-form-urlencoded',
      'x-hub-signature-256': `sha256=${sign(body)}`,
      'x-github-event': 'ping',
    });
    expect((await stored(p, response)).event).toMatchObject({ name: 'webhook.ping', routingKey: 'github:hook:7' });
  });

  it('have a request id, a milestone and a line in the log', async () => {
    const { answer, event } = await stored(
      p,
      await github('push', { ref: 'refs/heads/x' }, { 'x-github-delivery': 'd-1' }),
    );
    expect(event).toMatchObject({ requestId: answer.requestId, deliveryId: 'd-1' });
    const rows = await p.db`SELECT name, message, service FROM timeline WHERE request_id = ${answer.requestId}`;
    expect(rows).toEqual([{ name: 'webhook.received', message: expect.any(String), service: 'platform' }]);
    expect(p.logged).toContainEqual(
      expect.objectContaining({
        level: 'info',
        msg: 'webhook received',
        kind: 'github',
        delivery: 'd-1',
        ...answerIds(answer),
      }),
    );
  });

  it('change nothing when they come twice, also at once', async () => {
    const before = hints;
    const answers = await Promise.all(
      [1, 2, 3, 4].map(async () => await (await github('push', { ref: 'a' }, { 'x-github-delivery': 'twice' })).json()),
    );
    expect(new Set(answers.map((answer) => answer.requestId)).size).toBe(1);
    expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(1);
    expect(hints - before).toBe(1);
  });

  it('without a delivery id are told apart by what they say', async () => {
    const first = await stored(p, await github('push', { ref: 'one' }));
    const again = await stored(p, await github('push', { ref: 'one' }));
    const other = await stored(p, await github('push', { ref: 'two' }));
    expect(again.answer).toMatchObject({ ...answerIds(first.answer), duplicate: true });
    expect(other.answer.eventId).not.toBe(first.answer.eventId);
  });
});

const answerIds = ({ requestId, eventId }: WebhookAnswer) => ({ requestId, eventId });

describe('a webhook is refused', () => {
  const body = '{"ref":"x"}';
  const count = async () => (await p.db`SELECT count(*) AS n FROM events`)[0]?.n;

  it.each([
    ['a bad signature', { 'x-hub-signature-256': 'sha256=deadbeef' }],
    ['no signature', {}],
    ['the signature of another secret', { 'x-hub-signature-256': `sha256=${sign(body, 'other')}` }],
    ['the signature of another body', { 'x-hub-signature-256': `sha256=${sign('{}')}` }],
    ['a signature without its prefix', { 'x-hub-signature-256': sign(body) }],
  ])('with %s', async (_why, headers) => {
    const before = await count();
    const warned = () =>
      p.logged.filter((line) => line.level === 'warn' && line.msg === 'webhook signature invalid').length;
    const lines = warned();
    const response = await send(p, 'github', body, headers);
    expect(response.status).toBe(401);
    expect(await count()).toBe(before);
    expect(warned()).toBe(lines + 1);
  });

  it('of a kind that has no secret', async () => {
    const response = await send(p, 'generic', body, {});
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: 'webhook_not_configured' } });
  });

  it('with another method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await send(p, 'github', body, {}, method);
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
  });

  it('of an unknown kind', async () => {
    expect((await send(p, 'bitbucket', body, {})).status).toBe(404);
  });

  it('over the cap', async () => {
    const large = JSON.stringify({ x: 'y'.repeat(6_000_000) });
    expect((await send(p, 'github', large, { 'x-hub-signature-256': `sha256=${sign(large)}` })).status).toBe(413);
  });

  it.each(['{', '', '[]', '"x"', 'null'])('with the body %j', async (bad) => {
    const response = await send(p, 'github', bad, { 'x-hub-signature-256': `sha256=${sign(bad)}` });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'bad_json' } });
  });
});

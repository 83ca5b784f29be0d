import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { WebhookAnswer } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';

const examples: { name: string; examples: unknown[] }[] = createRequire(import.meta.url)('@octokit/webhooks-examples');
const SECRET = "It's a Secret to Everybody";
let p: TestPlatform;
let hints = 0;

beforeAll(async () => {
  p = await testPlatform();
  const { webhooks } = p.context.config;
  for (const kind of ['githubSecretFile', 'giteaSecretFile', 'gitlabTokenFile'] as const) {
    webhooks[kind] = join(p.dataDir, kind);
    await writeFile(webhooks[kind], `${SECRET}\n`);
  }
  p.bus.subscribe(SUBJECTS.event, () => hints++);
});
afterAll(async () => await p.stop());

const sign = (body: string, secret = SECRET) => createHmac('sha256', secret).update(body).digest('hex');
const send = async (kind: string, body: string, headers: Record<string, string>, method = 'POST') =>
  await fetch(`${p.url}/webhooks/${kind}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'GET' ? {} : { body }),
  });
const github = async (event: string, payload: unknown, headers: Record<string, string> = {}) => {
  const body = JSON.stringify(payload);
  return await send('github', body, {
    'x-hub-signature-256': `sha256=${sign(body)}`,
    'x-github-event': event,
    ...headers,
  });
};
const stored = async (response: Response) => {
  expect(response.status).toBe(200);
  const answer: WebhookAnswer = await response.json();
  const [event] = await p.db`
    SELECT request_id, source, name, routing_key, payload, delivery_id, traceparent FROM events WHERE event_id = ${answer.eventId}`;
  return { answer, event };
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
    const push = await stored(await github('push', example('push')));
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
    const created = await stored(await github('create', example('create')));
    expect(created.event).toMatchObject({
      name: 'webhook.push',
      payload: { ref: 'refs/tags/simple-tag', commit: null },
    });
    const released = await stored(await github('release', example('release')));
    expect(released.event).toMatchObject({ name: 'webhook.push', payload: { ref: 'refs/tags/0.0.1' } });
    expect((await stored(await github('ping', example('ping')))).event?.name).toBe('webhook.ping');
    expect((await stored(await github('star', example('star')))).event?.name).toBe('webhook.other');
  });

  it('may come as a form', async () => {
    const body = new URLSearchParams({ payload: JSON.stringify({ zen: 'x', hook_id: 7 }) }).toString();
    const response = await send('github', body, {
      'content-type': 'application/x-www-form-urlencoded',
      'x-hub-signature-256': `sha256=${sign(body)}`,
      'x-github-event': 'ping',
    });
    expect((await stored(response)).event).toMatchObject({ name: 'webhook.ping', routingKey: 'github:hook:7' });
  });

  it('have a request id, a milestone and a line in the log', async () => {
    const { answer, event } = await stored(
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
    const first = await stored(await github('push', { ref: 'one' }));
    const again = await stored(await github('push', { ref: 'one' }));
    const other = await stored(await github('push', { ref: 'two' }));
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
    const response = await send('github', body, headers);
    expect(response.status).toBe(401);
    expect(await count()).toBe(before);
    expect(warned()).toBe(lines + 1);
  });

  it('of a kind that has no secret', async () => {
    const response = await send('generic', body, {});
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: 'webhook_not_configured' } });
  });

  it('with another method', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await send('github', body, {}, method);
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
  });

  it('of an unknown kind', async () => {
    expect((await send('bitbucket', body, {})).status).toBe(404);
  });

  it('over the cap', async () => {
    const large = JSON.stringify({ x: 'y'.repeat(6_000_000) });
    expect((await send('github', large, { 'x-hub-signature-256': `sha256=${sign(large)}` })).status).toBe(413);
  });

  it.each(['{', '', '[]', '"x"', 'null'])('with the body %j', async (bad) => {
    const response = await send('github', bad, { 'x-hub-signature-256': `sha256=${sign(bad)}` });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'bad_json' } });
  });
});

describe('webhooks of other forges', () => {
  const repository = {
    id: 42,
    full_name: 'Org/LibFoo',
    clone_url: 'https://git.example/org/libfoo.git',
    ssh_url: 'git@git.example:org/libfoo.git',
    html_url: 'https://git.example/org/libfoo',
  };

  it('Gitea and Forgejo', async () => {
    const push = {
      ref: 'refs/tags/v1.2.0',
      before: '0'.repeat(40),
      after: 'b'.repeat(40),
      repository,
      pusher: { id: 1, login: 'alice' },
      sender: { id: 1, login: 'alice' },
    };
    const body = JSON.stringify(push);
    const { event } = await stored(
      await send('gitea', body, { 'x-gitea-signature': sign(body), 'x-gitea-event': 'push', 'x-gitea-delivery': 'g1' }),
    );
    expect(event).toMatchObject({
      source: 'gitea',
      name: 'webhook.push',
      routingKey: 'gitea:42',
      payload: { repository: 'org/libfoo', ref: 'refs/tags/v1.2.0', commit: 'b'.repeat(40), sender: 'alice' },
    });
    const created = JSON.stringify({
      sha: 'c'.repeat(40),
      ref: 'v1.3.0',
      ref_type: 'tag',
      repository,
      sender: { login: 'bob' },
    });
    const forgejo = await stored(
      await send('forgejo', created, {
        'x-forgejo-signature': sign(created),
        'x-forgejo-event': 'create',
        'x-forgejo-delivery': 'f1',
      }),
    );
    expect(forgejo.event).toMatchObject({
      source: 'gitea',
      payload: { ref: 'refs/tags/v1.3.0', commit: 'c'.repeat(40) },
    });
    expect((await send('gitea', body, { 'x-gitea-signature': sign(`${body} `) })).status).toBe(401);
  });

  it('GitLab', async () => {
    const project = {
      id: 15,
      path_with_namespace: 'Mike/Diaspora',
      git_http_url: 'http://gitlab.example/mike/diaspora.git',
      git_ssh_url: 'git@gitlab.example:mike/diaspora.git',
      web_url: 'http://gitlab.example/mike/diaspora',
    };
    const tag = {
      object_kind: 'tag_push',
      event_name: 'tag_push',
      before: '0'.repeat(40),
      after: 'd'.repeat(40),
      ref: 'refs/tags/v1.0.0',
      checkout_sha: 'e'.repeat(40),
      user_username: 'jsmith',
      project_id: 15,
      project,
    };
    const headers = { 'x-gitlab-event': 'Tag Push Hook', 'x-gitlab-token': SECRET, 'idempotency-key': 'k1' };
    const { event } = await stored(await send('gitlab', JSON.stringify(tag), headers));
    expect(event).toMatchObject({
      source: 'gitlab',
      name: 'webhook.push',
      routingKey: 'gitlab:15',
      deliveryId: 'k1',
      payload: {
        repository: 'mike/diaspora',
        ref: 'refs/tags/v1.0.0',
        commit: 'e'.repeat(40),
        deleted: false,
        sender: 'jsmith',
      },
    });
    const release = { object_kind: 'release', action: 'create', tag: 'v1.1', commit: { id: 'f'.repeat(40) }, project };
    const released = await stored(await send('gitlab', JSON.stringify(release), { 'x-gitlab-token': SECRET }));
    expect(released.event).toMatchObject({ payload: { ref: 'refs/tags/v1.1', commit: 'f'.repeat(40) } });
    const gone = { ...tag, after: '0'.repeat(40), checkout_sha: null };
    const deleted = await stored(await send('gitlab', JSON.stringify(gone), { 'x-gitlab-token': SECRET }));
    expect(deleted.event).toMatchObject({ payload: { deleted: true, commit: null } });
    expect((await send('gitlab', '{}', { 'x-gitlab-token': `${SECRET}x` })).status).toBe(401);
    expect((await send('gitlab', '{}', {})).status).toBe(401);
  });

  it('anything that signs, whose secret may change while Kiln runs', async () => {
    const file = join(p.dataDir, 'generic');
    p.context.config.webhooks.genericSecretFile = file;
    const body = JSON.stringify({ repository: 'Org/Tool', ref: 'refs/tags/v9', urls: ['https://x/y.git'] });
    const headers = (secret: string) => ({
      'x-kiln-signature-256': `sha256=${sign(body, secret)}`,
      'x-kiln-delivery': '1',
    });
    expect((await send('generic', body, headers('first'))).status).toBe(503);
    await writeFile(file, 'first\r\n');
    const { event } = await stored(await send('generic', body, headers('first')));
    expect(event).toMatchObject({ source: 'generic', payload: { repository: 'org/tool', urls: ['https://x/y.git'] } });
    await writeFile(file, 'second');
    expect((await send('generic', body, headers('first'))).status).toBe(401);
    expect((await send('generic', body, headers('second'))).status).toBe(200);
    await writeFile(file, '\n');
    expect((await send('generic', body, headers(''))).status).toBe(503);
  });

  it('may say what PostgreSQL can not keep', async () => {
    const body = '{"ref":"refs/heads/a\\u0000b\\ud800","repository":{"id":1,"full_name":"a\\u0000/b"},"after":"1"}';
    const response = await send('github', body, {
      'x-hub-signature-256': `sha256=${sign(body)}`,
      'x-github-event': 'push',
    });
    expect((await stored(response)).event).toMatchObject({ payload: { ref: 'refs/heads/a\ufffdb\ufffd' } });
  });
});

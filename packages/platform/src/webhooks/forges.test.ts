import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';
import { configureSecrets, SECRET, send, sign, stored } from './testing-webhooks.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
  await configureSecrets(p);
});
afterAll(async () => await p.stop());

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
      p,
      await send(p, 'gitea', body, {
        'x-gitea-signature': sign(body),
        'x-gitea-event': 'push',
        'x-gitea-delivery': 'g1',
      }),
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
      p,
      await send(p, 'forgejo', created, {
        'x-forgejo-signature': sign(created),
        'x-forgejo-event': 'create',
        'x-forgejo-delivery': 'f1',
      }),
    );
    expect(forgejo.event).toMatchObject({
      source: 'gitea',
      payload: { ref: 'refs/tags/v1.3.0', commit: 'c'.repeat(40) },
    });
    expect((await send(p, 'gitea', body, { 'x-gitea-signature': sign(`${body} `) })).status).toBe(401);
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
    const { event } = await stored(p, await send(p, 'gitlab', JSON.stringify(tag), headers));
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
    const released = await stored(p, await send(p, 'gitlab', JSON.stringify(release), { 'x-gitlab-token': SECRET }));
    expect(released.event).toMatchObject({ payload: { ref: 'refs/tags/v1.1', commit: 'f'.repeat(40) } });
    const gone = { ...tag, after: '0'.repeat(40), checkout_sha: null };
    const deleted = await stored(p, await send(p, 'gitlab', JSON.stringify(gone), { 'x-gitlab-token': SECRET }));
    expect(deleted.event).toMatchObject({ payload: { deleted: true, commit: null } });
    expect((await send(p, 'gitlab', '{}', { 'x-gitlab-token': `${SECRET}x` })).status).toBe(401);
    expect((await send(p, 'gitlab', '{}', {})).status).toBe(401);
  });

  it('anything that signs, whose secret may change while Kiln runs', async () => {
    const file = join(p.dataDir, 'generic');
    p.context.config.webhooks.genericSecretFile = file;
    const body = JSON.stringify({ repository: 'Org/Tool', ref: 'refs/tags/v9', urls: ['https://x/y.git'] });
    const headers = (secret: string) => ({
      'x-kiln-signature-256': `sha256=${sign(body, secret)}`,
      'x-kiln-delivery': '1',
    });
    expect((await send(p, 'generic', body, headers('first'))).status).toBe(503);
    await writeFile(file, 'first\r\n');
    const { event } = await stored(p, await send(p, 'generic', body, headers('first')));
    expect(event).toMatchObject({ source: 'generic', payload: { repository: 'org/tool', urls: ['https://x/y.git'] } });
    const byCurl = { ...headers('first'), 'content-type': 'application/x-www-form-urlencoded' };
    expect((await send(p, 'generic', body, byCurl)).status).toBe(200);
    await writeFile(file, 'second');
    expect((await send(p, 'generic', body, headers('first'))).status).toBe(401);
    expect((await send(p, 'generic', body, headers('second'))).status).toBe(200);
    await writeFile(file, '\n');
    expect((await send(p, 'generic', body, headers(''))).status).toBe(503);
  });

  it('may say what PostgreSQL can not keep', async () => {
    const body = '{"ref":"refs/heads/a\\u0000b\\ud800","repository":{"id":1,"full_name":"a\\u0000/b"},"after":"1"}';
    const response = await send(p, 'github', body, {
      'x-hub-signature-256': `sha256=${sign(body)}`,
      'x-github-event': 'push',
    });
    expect((await stored(p, response)).event).toMatchObject({ payload: { ref: 'refs/heads/a\ufffdb\ufffd' } });
  });
});

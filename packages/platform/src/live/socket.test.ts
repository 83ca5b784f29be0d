import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { issueCredential, revokeCredential } from '@kiln/store/credentials.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type TestPlatform, testPlatform } from '../testing.ts';
import { connect, LiveClient } from './testing-client.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

describe('hints', () => {
  it('come at once, and then at most four times a second for each thing', async () => {
    const c = await connect(p);
    c.send({ type: 'follow.runs' });
    await sleep(50);
    const id = randomUUID();
    for (let n = 0; n < 30; n++) {
      p.bus.publish(SUBJECTS.changed, { topic: 'run', id });
      p.bus.publish(SUBJECTS.changed, { topic: 'run', id: `other-${n}` });
      await sleep(10);
    }
    await sleep(300);
    const mine = c.messages.filter((message) => message.type === 'changed' && message.id === id);
    expect(mine.length).toBeGreaterThanOrEqual(2);
    expect(mine.length).toBeLessThanOrEqual(4);
    expect(c.messages.filter((message) => message.type === 'changed')).toHaveLength(30 + mine.length);
    c.send({ type: 'unfollow.runs' });
    await sleep(50);
    const before = c.messages.length;
    p.bus.publish(SUBJECTS.changed, { topic: 'run', id: 'late' });
    await sleep(50);
    expect(c.messages).toHaveLength(before);
    c.socket.close();
  });
});

describe('the socket', () => {
  const refused = async (headers: Record<string, string>): Promise<number> => {
    const c = new LiveClient(p, headers);
    return await new Promise((resolve) => {
      c.socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      c.socket.on('open', () => resolve(101));
    });
  };

  it('opens for a token, and for a session only from its own pages', async () => {
    const { token } = await issueCredential(p.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 });
    const cookie = `kiln_session=${token}`;
    expect(await refused({})).toBe(401);
    expect(await refused({ authorization: 'Bearer wrong' })).toBe(401);
    expect(await refused({ cookie })).toBe(403);
    expect(await refused({ cookie, origin: 'https://evil.example' })).toBe(403);
    expect(await refused({ cookie, origin: p.url })).toBe(101);
  });

  it('closes when the session is signed out, and when it is revoked elsewhere', async () => {
    for (const end of ['sign-out', 'revoke'] as const) {
      const { credentialId, token } = await issueCredential(p.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 });
      const headers = { cookie: `kiln_session=${token}`, origin: p.url };
      const c = await connect(p, headers);
      if (end === 'revoke') await revokeCredential(p.db, credentialId);
      else await fetch(`${p.url}/api/sign-out`, { method: 'POST', headers });
      await expect.poll(() => c.closed, { timeout: end === 'revoke' ? 12_000 : 1000 }).toBe(4401);
    }
  });

  it('answers garbage with an error, and too much of it by closing', async () => {
    const c = await connect(p);
    for (const garbage of [
      '',
      '{',
      'null',
      '{"type":"x"}',
      '{"type":"follow.log"}',
      '{"type":"follow.runs","x":1}',
      '[]',
    ]) {
      c.send(garbage);
    }
    c.socket.send(Buffer.from([1, 2, 3]));
    await expect.poll(() => c.messages.filter((message) => message.type === 'error').length).toBe(8);
    expect(c.closed).toBeNull();
    for (let n = 0; n < 20; n++) c.send('garbage');
    await expect.poll(() => c.closed).toBe(1008);
    const large = await connect(p);
    large.send(JSON.stringify({ type: 'follow.log', jobId: 'x'.repeat(5000), attempt: 1 }));
    await expect.poll(() => large.closed).toBe(1009);
  });

  it('says that it speaks WebSocket to who does not', async () => {
    const response = await p.ask('/api/live');
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  it('tells its readers to come again when Kiln stops', async () => {
    const own = await testPlatform();
    const socket = new WebSocket(`${own.url.replace('http', 'ws')}/api/live`, {
      headers: { authorization: `Bearer ${own.adminToken}` },
    });
    await new Promise((resolve) => socket.on('open', resolve));
    const closed = new Promise((resolve) => socket.on('close', resolve));
    await own.stop();
    expect(await closed).toBe(1001);
  });
});

import { createSignInLink, issueCredential } from '@kiln/store/credentials.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

const session = async () => (await issueCredential(p.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 })).token;
const get = async (path: string, headers: Record<string, string> = {}) =>
  await fetch(p.url + path, { headers, redirect: 'manual' });

describe('the guard', () => {
  it.each(['/health', '/healthz', '/ready', '/api/runtime/readiness', '/metrics', '/status', '/', '/repo/'])(
    'lets anybody ask for %s',
    async (path) => {
      expect((await get(path, { accept: 'text/html' })).status).toBe(200);
    },
  );

  it('lets nobody without a credential ask for anything else', async () => {
    const spec: { paths: Record<string, Record<string, { security?: [] }>> } = await p.json('/api/openapi.json');
    const closed = Object.entries(spec.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, operation]) => (operation.security ? [] : [[method, path] as const])),
    );
    expect(closed.length).toBeGreaterThan(20);
    for (const [method, path] of [
      ...closed,
      ['get', '/api/openapi.json'],
      ['get', '/api/nothing'],
      ['post', '/api/x'],
    ] as const) {
      const response = await fetch(p.url + path.replaceAll(/\{\w+\}/g, 'x'), { method: method.toUpperCase() });
      expect([method, path, response.status]).toEqual([method, path, 401]);
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('knows the admin token, a session, and what is neither', async () => {
    expect(await p.json('/api/me')).toMatchObject({ signedIn: true, kind: 'admin', subject: 'admin', farmId: 'kiln' });
    const token = await session();
    expect(await (await get('/api/me', { cookie: `kiln_session=${token}` })).json()).toMatchObject({ kind: 'session' });
    for (const headers of [
      { cookie: 'kiln_session=x' },
      { cookie: `kiln_session=${p.adminToken}` },
      { authorization: `Bearer ${token}` },
      { authorization: 'Bearer' },
      { authorization: `Basic ${p.adminToken}` },
    ]) {
      expect((await get('/api/me', headers)).status).toBe(401);
    }
  });

  it('takes changes by cookie only from its own pages', async () => {
    const cookie = `kiln_session=${await session()}`;
    const post = async (headers: Record<string, string>) =>
      (
        await fetch(`${p.url}/api/runs`, {
          method: 'POST',
          headers: { cookie, 'content-type': 'application/json', ...headers },
          body: '{"recipe":"none"}',
        })
      ).status;
    expect(await post({})).toBe(403);
    expect(await post({ origin: 'https://evil.example' })).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'cross-site', origin: p.url })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await post({ origin: p.url })).toBe(404);
    expect(await post({ 'sec-fetch-site': 'same-origin' })).toBe(404);
  });
});

describe('signing in', () => {
  it('works once by link, and sets a cookie that scripts can not read', async () => {
    const path = `/sign-in?code=${await createSignInLink(p.db)}`;
    expect((await fetch(p.url + path, { method: 'HEAD' })).status).toBe(404);
    const first = await get(path);
    expect(first.status).toBe(303);
    expect(first.headers.get('location')).toBe('./');
    const cookie = first.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^kiln_session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
    expect((await get('/api/me', { cookie: cookie.split(';')[0] ?? '' })).status).toBe(200);

    const second = await get(path);
    expect(second.status).toBe(401);
    expect(second.headers.get('content-type')).toContain('text/html');
    expect(await second.text()).toContain('kiln sign-in');
  });

  it('works with the admin token, and ends by signing out', async () => {
    const signIn = async (token: string) =>
      await fetch(`${p.url}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
      });
    expect((await signIn('wrong')).status).toBe(401);
    const response = await signIn(`${p.adminToken}\n`);
    expect(response.status).toBe(200);
    const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
    const out = await fetch(`${p.url}/api/sign-out`, { method: 'POST', headers: { cookie, origin: p.url } });
    expect(out.status).toBe(204);
    expect((await get('/api/me', { cookie })).status).toBe(401);
  });

  it('gives the admin, and nobody else, links for other browsers', async () => {
    const response = await p.ask('/api/sign-in-links', { method: 'POST' });
    expect(response.status).toBe(201);
    const { url }: { url: string } = await response.json();
    expect(url.startsWith(`${p.url}/sign-in?code=`)).toBe(true);
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(303);
    const cookie = `kiln_session=${await session()}`;
    const refused = await fetch(`${p.url}/api/sign-in-links`, { method: 'POST', headers: { cookie, origin: p.url } });
    expect(refused.status).toBe(403);
  });

  it('slows down who guesses', async () => {
    const guess = async () => await get('/sign-in?code=guess');
    let last = await guess();
    for (let n = 0; n < 12; n++) last = await guess();
    expect(last.status).toBe(429);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    // Who has a right one is not kept out by who has not.
    expect((await get(`/sign-in?code=${await createSignInLink(p.db)}`)).status).toBe(303);
    const signIn = await fetch(`${p.url}/api/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: p.adminToken }),
    });
    expect(signIn.status).toBe(200);
  });

  it('answers 429 to wrong tokens that do not end, and still 200 to a right one', async () => {
    let last = 0;
    for (let n = 0; n < 130; n++) last = (await get('/api/me', { authorization: 'Bearer wrong' })).status;
    expect(last).toBe(429);
    expect((await p.ask('/api/me')).status).toBe(200);
  });

  it('logs no token', () => {
    expect(JSON.stringify(p.logged)).not.toContain(p.adminToken);
  });
});

import type { IncomingMessage, ServerResponse } from 'node:http';
import { S3Blobs } from '@kiln/store/blobs/s3.ts';
import { startS3, type TestS3 } from '@kiln/store/blobs/testing-s3.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestPlatform, type TestPlatform } from '../testing.ts';

/* What one machine published and another one shows: they share the bucket only. */

let s3: TestS3;
let p: TestPlatform;
let store: S3Blobs;
let drop: () => Promise<void>;
beforeAll(async () => {
  s3 = await startS3();
  const made = await testDatabase();
  drop = made.drop;
  p = await startTestPlatform(made.db, { ...s3.settings, repositories_bucket: `s3://${s3.bucket}/farm-1` });
  store = new S3Blobs(s3.access, { name: s3.bucket, prefix: 'farm-1/' });
  const pool = 'main/active/pool/libfoo/1%3A2~rc1+b1';
  await store.put(`${pool}/libfoo_1.deb`, Buffer.from('0123456789'), {
    'content-type': 'application/vnd.debian.binary-package',
    'cache-control': 'public, max-age=31536000, immutable',
  });
  await store.put(`${pool}/empty.txt`, Buffer.alloc(0), { 'content-type': 'text/plain' });
  await store.put('main/active/index.json', Buffer.from('{"generation":4}'), { 'content-type': 'application/json' });
  await store.put('main/generations/4/index.json', Buffer.from('{"generation":4}'));
});
afterAll(async () => {
  await p.stop();
  await drop();
  await s3.stop();
});

const get = async (path: string, init: RequestInit = {}) => await fetch(p.url + path, { redirect: 'manual', ...init });
const links = async (path: string) =>
  [...(await (await get(path)).text()).matchAll(/<a href="[^"]+">([^<]+)<\/a>/g)].map(([, name]) => name);

test.each(['archive', 'active/pool', 'active/files', 'generations/4/pool'])(
  'a file of the archive is at the address that it has in the folder: %s',
  async (place) => {
    const address = `/repo/main/${place}/libfoo/1%253A2~rc1+b1/libfoo_1.deb`;
    const response = await get(address);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('0123456789');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/vnd.debian.binary-package',
      'cache-control': 'public, max-age=31536000, immutable',
      'content-length': '10',
      'content-security-policy': expect.stringMatching(/^sandbox; default-src 'none'/),
    });
  },
);

test('in parts, not again, and without its bytes, as package managers ask', async () => {
  const address = '/repo/main/archive/libfoo/1%253A2~rc1+b1/libfoo_1.deb';
  const part = await get(address, { headers: { range: 'bytes=2-4' } });
  expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, '234', 'bytes 2-4/10']);
  const modified = part.headers.get('last-modified') ?? '';
  const etag = part.headers.get('etag') ?? '';
  expect((await get(address, { headers: { 'if-modified-since': modified } })).status).toBe(304);
  expect((await get(address, { headers: { 'if-none-match': etag } })).status).toBe(304);
  expect((await get(address, { headers: { range: 'bytes=10-' } })).status).toBe(416);
  const head = await get(address, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
  const empty = await get(address.replace('libfoo_1.deb', 'empty.txt'));
  expect([empty.status, await empty.text()]).toEqual([200, '']);
});

test('folders are pages, down to the files', async () => {
  expect(await links('/repo/')).toEqual(['main/']);
  expect(await links('/repo/main/')).toEqual(['../', 'active/', 'generations/']);
  expect(await links('/repo/main/archive/libfoo/')).toEqual(['../', '1%3A2~rc1+b1/']);
  expect(await links('/repo/main/active/pool/libfoo/1%253A2~rc1+b1/')).toEqual(['../', 'empty.txt', 'libfoo_1.deb']);
  expect((await get('/repo/main')).headers.get('location')).toBe('./main/');
});

test.each([
  '/repo/none/',
  '/repo/main/none',
  '/repo/main/%00',
  '/repo/main/.tmp/x',
  '/repo/main/..%2f..%2fblobs',
  '/repo/main//active',
  '/repo/main%5cx',
])('nothing is at %s', async (path) => {
  const response = await get(path);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { code: 'not_found' } });
});

test('an index that is replaced right after it was found comes as it is now', async () => {
  let asked = 0;
  s3.interrupt = (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== 'HEAD' || asked++ > 0) return false;
    const before = { etag: '"of before"', 'content-length': '999', 'last-modified': new Date(0).toUTCString() };
    response.writeHead(200, before).end();
    return true;
  };
  const response = await get('/repo/main/active/index.json');
  s3.interrupt = null;
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('{"generation":4}');
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(asked).toBe(2);
});

test('trouble of the bucket is told as such', async () => {
  s3.interrupt = (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error><Code>AccessDenied</Code></Error>');
    return true;
  };
  const response = await get('/repo/main/active/index.json');
  s3.interrupt = null;
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: { code: 'bucket_unavailable' } });
});

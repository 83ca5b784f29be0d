import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform({ 'http.base_path': '/farm' });
  await writeFile(join(p.webRoot, 'assets', 'main-abc123.js'), 'console.log(1)');
  await writeFile(join(p.webRoot, 'assets', 'main-abc123.js.br'), brotliCompressSync('console.log(1)'));
  await writeFile(join(p.webRoot, 'kiln.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  const version = join(p.dataDir, 'repositories', 'main', 'archive', 'libfoo', '1%3A2~rc1+b1');
  await mkdir(version, { recursive: true });
  await writeFile(join(version, 'libfoo_1.2~rc1+b1_amd64.deb'), '0123456789');
  await writeFile(join(version, 'readme.html'), '<script>alert(1)</script>');
  await mkdir(join(p.dataDir, 'repositories', 'main', '.tmp'));
  await writeFile(join(p.dataDir, 'repositories', 'main', '.tmp', 'half'), 'x');
  await symlink('archive', join(p.dataDir, 'repositories', 'main', 'active'));
});
afterAll(async () => await p.stop());

const page = async (path: string, headers: Record<string, string> = {}) =>
  await fetch(p.url + path, { headers: { accept: 'text/html', ...headers }, redirect: 'manual' });

describe('the dashboard', () => {
  it.each(['/farm', '/farm/', '/farm/runs/abc', '/farm/recipes/a.b/c', '/runs/abc'])(
    'is the answer to %s',
    async (path) => {
      const response = await page(path);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('<base href="/farm/" />');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      expect(response.headers.get('content-security-policy')).toContain("script-src 'self';");
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      const again = await page(path, { 'if-none-match': response.headers.get('etag') ?? '' });
      expect(again.status).toBe(304);
    },
  );

  it('sends what has a hash in its name once and for all, compressed where it can', async () => {
    const response = await page('/farm/assets/main-abc123.js', { 'accept-encoding': 'br' });
    expect(response.headers.get('content-encoding')).toBe('br');
    expect(response.headers.get('content-type')).toContain('javascript');
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(await response.text()).toBe('console.log(1)');
    const plain = await page('/farm/assets/main-abc123.js', { 'accept-encoding': 'identity' });
    expect(await plain.text()).toBe('console.log(1)');
  });

  it('sends the files beside the page', async () => {
    expect((await page('/farm/kiln.svg')).headers.get('content-type')).toContain('image/svg+xml');
  });

  it.each(['/farm/assets/none.js', '/farm/none.txt', '/farm/assets/..%2findex.html', '/farm/assets/'])(
    'has no %s',
    async (path) => {
      const response = await page(path);
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      expect(await response.json()).toMatchObject({ error: { code: expect.any(String) } });
    },
  );

  it('does not answer a program that asks for data with a page', async () => {
    const response = await fetch(`${p.url}/runs`, { headers: { accept: 'application/json' } });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'not_found' } });
  });

  it('says how it is built when it is not', async () => {
    await rm(join(p.webRoot, 'index.html'));
    const response = await page('/farm/');
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('npm run build');
  });
});

describe('the repositories', () => {
  const file = '/farm/repo/main/archive/libfoo/1%253A2~rc1+b1/libfoo_1.2~rc1+b1_amd64.deb';

  it('are open to everybody, whole or in parts', async () => {
    const response = await page(file);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('0123456789');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const part = await page(file, { range: 'bytes=2-4' });
    expect(part.status).toBe(206);
    expect(await part.text()).toBe('234');
    const active = await page(file.replace('archive', 'active').replaceAll('+', '%2B'));
    expect(active.status).toBe(200);
  });

  it('can be walked through by links', async () => {
    let address = `${p.url}/farm/repo`;
    for (const name of ['main/', 'archive/', 'libfoo/', '1%3A2~rc1+b1/', 'libfoo_1.2~rc1+b1_amd64.deb']) {
      const response = await fetch(address);
      const html = await response.text();
      const link = [...html.matchAll(/<a href="([^"]+)">([^<]+)<\/a>/g)].find(([, , text]) => text === name);
      address = new URL(link?.[1] ?? 'missing', response.url).href;
    }
    expect(await (await fetch(address)).text()).toBe('0123456789');
  });

  it('can not act as pages of Kiln', async () => {
    const response = await page('/farm/repo/main/archive/libfoo/1%253A2~rc1+b1/readme.html');
    expect(response.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
  });

  it.each([
    '/farm/repo/main/.tmp/half',
    '/farm/repo/main/.tmp/',
    '/farm/repo/..%2fadmin-token',
    '/farm/repo/main/..%2f..%2fadmin-token',
    '/farm/repo/main/%00',
    '/farm/repo/none/',
    '/farm/repo/main%5c..%5c..%5cadmin-token',
  ])('show nothing at %s', async (path) => {
    const response = await page(path);
    expect([403, 404]).toContain(response.status);
    expect(await response.text()).not.toContain(p.adminToken);
  });
});

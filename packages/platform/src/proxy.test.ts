import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createSignInLink } from '@kiln/store/credentials.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { heldTask } from './builder-api/testing-builds.ts';
import { type TestPlatform, testPlatform } from './testing.ts';

const OPENSSL = '/usr/bin/openssl';
const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((path) => existsSync(path));

const CAN_RUN = NGINX !== undefined && existsSync(OPENSSL);

let p: TestPlatform;
let nginx: ChildProcess;
let port: number;

const freePort = async (): Promise<number> =>
  await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** A proxy with TLS that serves Kiln under /farm: once with the sub-path left in the address, once with it taken out. */
const proxyConfig = (folder: string, upstream: string) => `
daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    location /farm/ { proxy_pass ${upstream}; }
    location /stripped/ { proxy_pass ${upstream}/; }
  }
}`;

beforeAll(async () => {
  if (!NGINX || !CAN_RUN) return;
  p = await testPlatform({ 'http.base_path': '/farm', 'http.trust_proxy': true });
  const folder = join(p.dataDir, 'nginx');
  await mkdir(folder);
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=farm.example', '-days', '1'];
  execFileSync(OPENSSL, [...args, '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')], {
    stdio: 'ignore',
  });
  port = await freePort();
  await writeFile(join(folder, 'nginx.conf'), proxyConfig(folder, p.url));
  nginx = spawn(NGINX, ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')], {
    stdio: 'inherit',
  });
  await vi.waitFor(async () => expect((await get('/farm/health')).status).toBe(200), { timeout: 10_000 });
});
afterAll(async () => {
  if (!CAN_RUN) return;
  nginx.kill();
  await p.stop();
});

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Asks the proxy, as a browser that knows it as farm.example would. */
const get = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers: { host: 'farm.example', ...headers } };
    const asked = request({ ...options, rejectUnauthorized: false }, (response) => {
      let text = '';
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    asked.on('error', reject);
    asked.end();
  });

const signIn = async (prefix: string): Promise<Answer> =>
  await get(`${prefix}/sign-in?code=${await createSignInLink(p.db)}`);
const cookieOf = (answer: Answer) => String(answer.headers['set-cookie']).split(';')[0] ?? '';

describe.skipIf(!CAN_RUN)('behind nginx with TLS', () => {
  it.each(['/farm', '/stripped'])('every open route answers under %s', async (prefix) => {
    for (const path of ['/health', '/healthz', '/ready', '/metrics', '/status', '/api/runtime/readiness', '/repo/']) {
      expect([path, (await get(prefix + path)).status]).toEqual([path, 200]);
    }
    const page = await get(`${prefix}/runs/x`, { accept: 'text/html' });
    expect(page.text).toContain('<base href="/farm/" />');
    expect((await get(`${prefix}/webhooks/github`, {}, 'POST')).status).toBe(401);
  });

  it.each(['/farm', '/stripped'])(
    'signing in gives a cookie for the sub-path and for TLS only, under %s',
    async (prefix) => {
      const answer = await signIn(prefix);
      expect(answer.status).toBe(303);
      expect(answer.headers.location).toBe('/farm/');
      expect(String(answer.headers['set-cookie'])).toMatch(/; Path=\/farm; HttpOnly; Secure; SameSite=Lax$/);
      const cookie = cookieOf(answer);
      expect((await get('/farm/api/me', { cookie })).status).toBe(200);
      expect((await get('/farm/api/sign-out', { cookie, origin: 'https://evil.example' }, 'POST')).status).toBe(403);
      expect((await get('/farm/api/sign-out', { cookie, origin: 'https://farm.example' }, 'POST')).status).toBe(204);
    },
  );

  it('the live socket opens', async () => {
    const cookie = cookieOf(await signIn('/farm'));
    const headers = { host: 'farm.example', origin: 'https://farm.example', cookie };
    const socket = new WebSocket(`wss://127.0.0.1:${port}/farm/api/live`, { rejectUnauthorized: false, headers });
    const hello = await new Promise<string>((resolve, reject) => {
      socket.on('message', (data) => resolve(data.toString()));
      socket.on('error', reject);
    });
    expect(JSON.parse(hello)).toMatchObject({ type: 'hello', farmId: 'kiln' });
    socket.close();
  });

  it('the stream of builds opens, and says where packages are as people know it', async () => {
    const cookie = cookieOf(await signIn('/farm'));
    const headers = { host: 'farm.example', origin: 'https://farm.example', cookie };
    const address = `wss://127.0.0.1:${port}/farm/api/vm-build/logs/stream`;
    const socket = new WebSocket(address, { rejectUnauthorized: false, headers });
    const heard: { type: string; metadata?: object }[] = [];
    socket.on('message', (data) => void heard.push(JSON.parse(data.toString())));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const task = await heldTask(p);
    await p.db`
      INSERT INTO packages (repository, package, version, recipe, run_id, files)
      VALUES ('main', 'x', '1', 'x', ${task.job.runId}, '[]')`;
    socket.send(JSON.stringify({ type: 'subscribe', task_id: task.taskId }));
    await task.finish();
    const end = await vi.waitUntil(() => heard.find(({ type }) => type === 'end'), { timeout: 5000 });
    expect(end.metadata).toMatchObject({ download_url: 'https://farm.example/farm/repo/main/' });
    socket.close();
  });

  it('the link for another browser names the address that people use', async () => {
    const answer = await get('/farm/api/sign-in-links', { authorization: `Bearer ${p.adminToken}` }, 'POST');
    expect(JSON.parse(answer.text).url).toMatch(/^https:\/\/farm\.example\/farm\/sign-in\?code=/);
  });

  it('who asks is who the proxy saw, not who the client says it is', async () => {
    await get('/farm/sign-in?code=wrong', { 'x-forwarded-for': '6.6.6.6' });
    expect(p.logged.findLast((line) => line.msg === 'sign-in failed')).toMatchObject({ ip: '127.0.0.1' });
  });
});

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CHECKOUT } from '../farm/location.ts';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const MAIN = join(CHECKOUT, 'packages/cli/src/main.ts');
const TOKEN = 'glsa_Zm9vYmFy';

let folder: string;
let tokenFile: string;
let grafana: FakeGrafana;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-grafana-'));
  tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${TOKEN}\n`);
  grafana = new FakeGrafana();
  await grafana.start();
});
afterEach(async () => {
  grafana.stop();
  await rm(folder, { recursive: true });
});

test('importing twice makes one folder and one dashboard, with two versions', async () => {
  const args = ['--url', `${grafana.url}/`, '--token-file', tokenFile];
  expect(await kiln(args)).toEqual({
    code: 0,
    stdout: `✓ Hosts and their units, version 1: ${grafana.url}/d/kiln-systemd/slug\n`,
    stderr: '',
  });
  expect((await kiln([...args, '--json'])).stdout).toContain('"version": 2');
  expect([...grafana.folders]).toEqual([['kiln', 'Kiln']]);
  expect([...grafana.dashboards.keys()]).toEqual(['kiln-systemd']);
  expect(grafana.dashboards.get('kiln-systemd')).toMatchObject({
    folderUid: 'kiln',
    version: 2,
    dashboard: { id: null },
  });
});

test('it may be under a sub-path, and the folder another one', async () => {
  grafana.prefix = '/grafana';
  const { stdout } = await kiln(['--url', `${grafana.url}/grafana`, '--token-file', tokenFile, '--folder', 'farm']);
  expect(stdout).toContain(`${grafana.url}/grafana/d/kiln-systemd/slug`);
  expect(grafana.dashboards.get('kiln-systemd')).toMatchObject({ folderUid: 'farm' });
});

test('--dry-run prints what would be sent, and sends nothing', async () => {
  const { code, stdout } = await kiln(['--dry-run']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([{ uid: 'kiln-systemd', panels: expect.any(Array) }]);
  expect(grafana.asked).toBe(0);
});

test('every refusal says what to do, and the token is in none of them', async () => {
  const args = ['--url', grafana.url, '--token-file', tokenFile];
  const said = async (given: string[]) => {
    const { code, stderr, stdout } = await kiln(given);
    expect(`${stderr}${stdout}`).not.toContain(TOKEN);
    expect(stdout).toBe('');
    return `${code} ${stderr}`;
  };
  expect(await said([])).toBe('2 kiln: name the Grafana with --url and --token-file, or try it with --dry-run\n');
  expect(await said(['--url', 'grafana:3000', '--token-file', tokenFile])).toMatch(/^2 kiln: "grafana:3000" is not an/);
  expect(await said(['--url', grafana.url, '--token-file', join(folder, 'no')])).toMatch(/can't be read: ENOENT.*no'/);
  grafana.token = 'another';
  expect(await said(args)).toMatch(
    /^1 kiln: Grafana does not know the token; make a new one.*\(Grafana says: Invalid API key\)/,
  );
  grafana.token = TOKEN;
  grafana.mayMakeFolders = false;
  expect(await said(args)).toMatch(
    /the token may not make the folder "Kiln"; give its service account the role Editor/,
  );
  grafana.mayMakeFolders = true;
  // Grafana before 11: another folder has the title, so that there is none with the uid.
  grafana.folders.set('x1y2', 'Kiln');
  grafana.titlesAreUnique = true;
  expect(await said(args)).toMatch(/give that one's uid with --folder/);
  grafana.prefix = '/grafana';
  expect(await said(args)).toMatch(/is not Grafana's API: status 404; is its sub-path missing/);
  grafana.stop();
  expect(await said(args)).toMatch(/^1 kiln: no answer from Grafana at .*: nothing listens there/);
});

async function kiln(args: string[]) {
  return await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { PATH: process.env.PATH, HOME: folder };
    execFile(process.execPath, [MAIN, 'grafana', 'import', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

/** The two calls of Grafana's HTTP API as its reference describes them; Grafana itself is in no package of Debian. */
class FakeGrafana {
  readonly folders = new Map<string, string>();
  readonly dashboards = new Map<string, { dashboard: { uid: string }; folderUid: string; version: number }>();
  token = TOKEN;
  prefix = '';
  mayMakeFolders = true;
  titlesAreUnique = false;
  asked = 0;
  readonly #server: Server = createServer(async (request, response) => {
    this.asked += 1;
    let text = '';
    for await (const part of request.setEncoding('utf8')) text += part;
    const [status, body] = this.#answer(request.url ?? '', request.headers.authorization, text);
    response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });

  async start(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer(path: string, authorization: string | undefined, text: string): [number, string | object] {
    if (!path.startsWith(`${this.prefix}/api/`)) return [404, '<html>Not found</html>'];
    if (authorization !== `Bearer ${this.token}`) return [401, { message: 'Invalid API key' }];
    const request = JSON.parse(text);
    if (path.endsWith('/api/folders')) return this.#makeFolder(request);
    if (path.endsWith('/api/dashboards/db')) return this.#save(request);
    return [404, { message: 'Not found' }];
  }

  #makeFolder({ uid, title }: { uid: string; title: string }): [number, object] {
    if (!this.mayMakeFolders) return [403, { message: "You'll need additional permissions: folders:create" }];
    const taken = this.folders.has(uid) || (this.titlesAreUnique && [...this.folders.values()].includes(title));
    if (taken) return [409, { message: 'a folder with that uid or name already exists' }];
    this.folders.set(uid, title);
    return [200, { id: 1, uid, title }];
  }

  #save(request: { dashboard: { uid: string }; folderUid: string; overwrite: boolean }): [number, object] {
    const { dashboard, folderUid, overwrite } = request;
    const { uid } = dashboard;
    if (!this.folders.has(folderUid)) return [400, { message: 'folder not found', status: 'not-found' }];
    const former = this.dashboards.get(uid);
    if (former && !overwrite) return [412, { message: 'The dashboard has been changed', status: 'version-mismatch' }];
    const version = (former?.version ?? 0) + 1;
    this.dashboards.set(uid, { dashboard, folderUid, version });
    return [200, { id: 1, uid, url: `${this.prefix}/d/${uid}/slug`, status: 'success', version, slug: 'slug' }];
  }
}

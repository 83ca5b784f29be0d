import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CHECKOUT } from '../farm/location.ts';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const MAIN = join(CHECKOUT, 'packages/cli/src/main.ts');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-cli-'));
});
afterEach(async () => await rm(folder, { recursive: true }));

async function kiln(args: string[], env: Record<string, string> = {}) {
  return await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const all = { PATH: process.env.PATH, HOME: folder, KILN_DATA: folder, ...env };
    execFile(process.execPath, [MAIN, ...args], { cwd: folder, env: all }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

describe('kiln recipes check', () => {
  test('names file, line, column and fix of every problem and exits with 1', async () => {
    await writeFile(join(folder, 'a.yaml'), 'steps: [x]\nmtrix: {}\n');
    expect(await kiln(['recipes', 'check', '.'])).toEqual({
      code: 1,
      stdout: expect.stringMatching(/^a\.yaml:2:1 unknown key "mtrix"; known are .*\n✗ 1 problem\n$/),
      stderr: '',
    });
    const { code, stdout } = await kiln(['recipes', 'check', 'a.yaml', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      recipes: [],
      problems: [{ file: 'a.yaml', line: 2, column: 1, path: 'mtrix' }],
    });
  });

  test('without a path it reads recipes_dir of the configuration', async () => {
    await mkdir(join(folder, 'mine'));
    await writeFile(join(folder, 'mine/a.yml'), 'steps: [x]\n');
    expect((await kiln(['recipes', 'check'])).stdout).toContain('there is no such folder of recipes');
    await writeFile(join(folder, 'kiln.yaml'), 'recipes_dir: mine\n');
    expect(await kiln(['recipes', 'check'])).toMatchObject({ code: 0, stdout: '✓ 1 recipe in mine, all fine.\n' });
  });

  test('a configuration with mistakes is told, not passed over', async () => {
    await writeFile(join(folder, 'kiln.yaml'), 'recipe_dir: .\n');
    const { code, stderr } = await kiln(['recipes', 'check']);
    expect(code).toBe(1);
    expect(stderr).toContain('kiln.yaml:1: unknown key "recipe_dir"; did you mean "recipes_dir"?');
  });
});

describe('kiln recipes list and show', () => {
  const recipe = {
    name: 'hello',
    description: 'Greets people',
    position: 0,
    upstream: '/srv/hello',
    tags: '^(?:v.*)$',
    triggers: ['tag', 'manual'],
    lastPollAt: new Date().toISOString(),
    nextPollAt: null,
    lastPoll: { tagsSeen: 3, matches: 2, emitted: 0, passedOver: 1, error: null, durationMs: 5 },
    newestVersion: '1.2',
    publishedVersion: '1.1',
    lastRun: null,
    backoff: [{ version: '1.2', failures: 2, nextRetry: null }],
  };
  const compiled = {
    jobs: [
      {
        name: 'build',
        needs: [],
        labels: ['os:linux'],
        timeoutMs: 60_000,
        artifacts: ['out'],
        phases: [{ name: 'make', steps: [{ name: 'make all' }] }],
      },
    ],
  };
  const tagList = [
    { tag: 'v1.2', version: '1.2', commit: 'abcdef0123456789', firstSeenAt: '', state: 'failing', movedTo: null },
  ];

  test('ask the farm', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization}`);
      const body = request.url === '/api/recipes' ? { recipes: [recipe] } : { ...recipe, compiled, tagList, runs: [] };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const env = { KILN_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, KILN_TOKEN: 't' };
    const list = await kiln(['recipes'], env);
    expect(list).toMatchObject({ code: 0, stderr: '' });
    expect(list.stdout).toMatch(/^RECIPE +NEWEST +PUBLISHED.*\nhello +1\.2 +1\.1 +3 tags, .* tag, manual\n$/);
    const shown = await kiln(['recipes', 'show', 'hello'], env);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    for (const part of [
      'hello  Greets people',
      '/srv/hello',
      '1.2: 2 failures',
      'make: make all',
      'keeps out',
      'v1.2  abcdef012345  failing',
    ]) {
      expect(shown.stdout).toContain(part);
    }
    expect(JSON.parse((await kiln(['recipes', 'show', 'hello', '--json'], env)).stdout)).toMatchObject({
      name: 'hello',
    });
    server.close();
    expect(asked).toEqual(['/api/recipes Bearer t', '/api/recipes/hello Bearer t', '/api/recipes/hello Bearer t']);
  });
});

describe('kiln config', () => {
  test('check: every mistake with its line, or that all is fine', async () => {
    expect(await kiln(['config', 'check'])).toMatchObject({ code: 0, stdout: expect.stringContaining('no kiln.yaml') });
    await writeFile(join(folder, 'kiln.yaml'), 'log:\n  level: loud\nhttp: { adr: x }\n');
    const { code, stdout } = await kiln(['config', 'check']);
    expect(code).toBe(1);
    expect(stdout).toBe(
      'kiln.yaml:2:10 log.level must be one of debug, info, warn, error, not "loud"\nkiln.yaml:3:9 unknown key "adr"; did you mean "addr"?\n✗ 2 problems\n',
    );
    const json = JSON.parse((await kiln(['config', 'check', join(folder, 'kiln.yaml'), '--json'])).stdout);
    expect(json).toMatchObject({ ok: false, problems: [{ line: 2 }, { line: 3 }] });
    await writeFile(join(folder, 'kiln.yaml'), 'farm_id: x\n');
    expect(await kiln(['config', 'check'])).toMatchObject({ code: 0, stdout: expect.stringContaining('is fine') });
  });

  test('show: what is in use and where it comes from, without passwords', async () => {
    await writeFile(join(folder, 'kiln.yaml'), '\nfarm_id: build-1\n');
    const env = { KILN_DATABASE_URL: 'postgres://kiln:geheim@db/kiln' };
    const { code, stdout } = await kiln(['config', 'show'], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^farm_id +"build-1" +kiln\.yaml:2$/m);
    expect(stdout).toMatch(/^database\.url +"postgres:\/\/kiln:\*\*\*@db\/kiln" +KILN_DATABASE_URL$/m);
    const all = JSON.parse((await kiln(['config', 'show', '--json'], env)).stdout);
    expect(all.settings).toContainEqual({
      key: 'agent.slots',
      variable: 'KILN_AGENT_SLOTS',
      value: 2,
      source: 'default',
    });
    expect(JSON.stringify(all)).not.toContain('geheim');
  });
});

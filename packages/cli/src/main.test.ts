import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CATALOGUE } from './catalogue.ts';
import { CHECKOUT } from './farm/location.ts';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const KILN = join(CHECKOUT, 'packages', 'cli', 'bin', 'kiln.mjs');
const OLD_NODE = '/usr/bin/node';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-cli-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function kiln(args: string[], options: { node?: string; env?: Record<string, string> } = {}): Promise<Outcome> {
  const env = { PATH: process.env.PATH, HOME: folder, ...options.env };
  return await new Promise((resolve) => {
    execFile(options.node ?? process.execPath, [KILN, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

describe('the command line', () => {
  test('help lists every command and loads none', async () => {
    const { code, stdout } = await kiln(['--help']);
    expect(code).toBe(0);
    for (const { name, summary } of CATALOGUE) expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
  });

  test.each(CATALOGUE.map(({ name }) => name))('kiln %s --help has a description and examples', async (name) => {
    const { code, stdout } = await kiln([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples?:\n/);
    expect(await kiln(['help', name])).toEqual({ code, stdout, stderr: '' });
  });

  test.each([
    { args: [], says: 'Usage: kiln' },
    { args: ['stauts'], says: "unknown command 'stauts'\n(Did you mean status?)" },
    { args: ['runs', '--colour'], says: "unknown option '--colour'" },
    { args: ['runs', '--limit', 'many'], says: 'It is a number from 1 to 200.' },
    { args: ['runs', '--status', 'lost'], says: 'Allowed choices are queued, building' },
    { args: ['run'], says: "missing required argument 'recipe[@version]'" },
    { args: ['up', '--port', '99999'], says: 'A port is a number from 0 to 65535.' },
    { args: ['server', '--roles', 'boss'], says: '"boss" is not a role' },
    {
      args: ['watch', 'xyz', '--url', 'http://127.0.0.1:1'],
      env: { KILN_TOKEN: 'x' },
      says: '"xyz" is not the id of a run',
    },
    { args: ['status', '--url', 'farm:80'], env: { KILN_TOKEN: 'x' }, says: '"farm:80" is not an address of a farm' },
  ])('wrong usage is said in one place, with exit code 2: $args', async ({ args, says, env }) => {
    const { code, stdout, stderr } = await kiln(args, { env: { KILN_DATA: folder, ...env } });
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('without a running farm, a command says how to start one', async () => {
    const { code, stderr } = await kiln(['status'], { env: { KILN_DATA: folder } });
    expect(stderr).toBe(
      `kiln: no Kiln runs on ${folder}; start it with: npm start (or name another with --data or --url)\n`,
    );
    expect(code).toBe(1);
  });

  test('a farm that does not answer, and one that is none, are told apart', async () => {
    const token = { KILN_TOKEN: 'x' };
    const server = createServer((_, response) => response.writeHead(502).end('<h1>Bad gateway</h1>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    const proxy = await kiln(['status', '--url', url], { env: token });
    server.close();
    expect(proxy).toMatchObject({ code: 1, stderr: 'kiln: the server answered 502: <h1>Bad gateway</h1>\n' });
    const silent = await kiln(['status', '--url', url], { env: token });
    expect(silent).toMatchObject({ code: 1, stderr: `kiln: no answer from ${url}: nothing listens there\n` });
  });
});

describe.skipIf(!existsSync(OLD_NODE))('the launcher under the installed Node.js', () => {
  test('runs the pinned one and hands on output and exit code', async () => {
    const { code, stdout } = await kiln(['version', '--json'], { node: OLD_NODE });
    expect({ code, node: JSON.parse(stdout).node }).toEqual({ code: 0, node: process.version });
    expect((await kiln(['runs', '--colour'], { node: OLD_NODE })).code).toBe(2);
  });
});

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReadyFile } from '../packages/cli/src/farm/ready-file.ts';
import { LAUNCHER } from './support/kiln-up.ts';
import { until } from './support/until.ts';

/** A farm without `kiln up`: a server and an agent that share nothing but the network, as on two machines. */
let folder: string;
let database: Awaited<ReturnType<typeof testDatabase>>;
const processes: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-two-'));
  database = await testDatabase();
});
afterAll(async () => {
  for (const child of processes) if (child.exitCode === null) child.kill('SIGKILL');
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

function kiln(args: string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, HOME: folder, ...env },
  });
  processes.push(child);
  return child;
}

async function stop(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  return (await ended)[0];
}

test('kiln server and kiln agent make a farm, and the commands find it', { timeout: 180_000 }, async () => {
  const data = join(folder, 'server');
  await mkdir(join(data, 'recipes'), { recursive: true });
  await writeFile(join(data, 'recipes', 'hi.yaml'), "steps: ['echo hi from elsewhere']\n");
  const { user, password, host, port, database: name } = database.address;
  const environment = {
    KILN_DATABASE_URL: `postgres://${user}:${password}@${host}:${port}/${name}`,
    KILN_HTTP_ADDR: '127.0.0.1:0',
    KILN_ORCHESTRATOR_ADDR: '127.0.0.1:0',
  };
  const server = kiln(['server', '--data', data], environment);
  const ready = await until('the server is ready', async () => await readReadyFile(data), 60_000);
  expect(ready).toMatchObject({ pid: server.pid, agent: null });

  // An agent needs the address and, once, a join token.
  const other = join(folder, 'agent');
  await mkdir(other);
  await copyFile(join(data, 'join-token'), join(other, 'join-token'));
  const agent = kiln(['agent', '--data', other, '--addr', '', '--name', 'elsewhere'], {
    KILN_AGENT_ORCHESTRATOR: ready.orchestrator ?? '',
  });
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [LAUNCHER, 'run', 'hi', '--watch', '--data', data]);
  expect(stdout).toContain('hi from elsewhere');
  expect((await run(process.execPath, [LAUNCHER, 'agents', '--data', data])).stdout).toMatch(/elsewhere +● connected/);

  // A second server on the same data directory leaves the commands with the first.
  const noise: string[] = [];
  const second = spawn(process.execPath, [LAUNCHER, 'server', '--data', data, '--log-format', 'logfmt'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder, ...environment },
  });
  processes.push(second);
  second.stderr?.setEncoding('utf8').on('data', (text: string) => void noise.push(text));
  await until('the second server listens', () => noise.join('').includes('listening'), 60_000);
  expect(await stop(second)).toBe(0);
  expect(await readReadyFile(data)).toEqual(ready);

  expect(await stop(agent)).toBe(0);
  expect(await stop(server)).toBe(0);
  expect(await readReadyFile(data)).toBeNull();
});

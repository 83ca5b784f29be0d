import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readReadyFile } from '../packages/cli/src/farm/ready-file.ts';
import { LAUNCHER, startKiln, stopKiln, untilReady } from './support/kiln-up.ts';
import { until } from './support/until.ts';

/** The agents' own service logs: whoever collects the logs of a farm finds each line once, under `service: agent`. */
let folder: string;
let database: Awaited<ReturnType<typeof testDatabase>>;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-agent-log-'));
  database = await testDatabase();
});
afterAll(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a command; what it prints on stderr is kept, line by line. */
function kiln(args: string[], env: Record<string, string>): { child: ChildProcess; lines: string[] } {
  const child = spawn(process.execPath, [LAUNCHER, ...args, '--log-format', 'json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder, ...env },
  });
  children.push(child);
  const lines: string[] = [];
  let rest = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  return { child, lines };
}

const parse = (line: string): Record<string, unknown> => (line.startsWith('{') ? JSON.parse(line) : {});
/** Lines of agents, without what the orchestrator adds. */
const ofAgents = (lines: readonly string[]) =>
  lines.flatMap((line) => {
    const { agentId: _, ...fields } = parse(line);
    return fields.service === 'agent' ? [fields] : [];
  });

test('an agent elsewhere: its log is printed by the orchestrator, unless it is collected there', async () => {
  const data = join(folder, 'server');
  const { user, password, host, port, database: name } = database.address;
  const server = kiln(['server', '--data', data], {
    KILN_DATABASE_URL: `postgres://${user}:${password}@${host}:${port}/${name}`,
    KILN_HTTP_ADDR: '127.0.0.1:0',
    KILN_ORCHESTRATOR_ADDR: '127.0.0.1:0',
  });
  const ready = await until('the server is ready', async () => await readReadyFile(data), 60_000);
  const agent = async (called: string, env: Record<string, string>) => {
    const own = join(folder, called);
    await mkdir(own);
    await copyFile(join(data, 'join-token'), join(own, 'join-token'));
    return kiln(['agent', '--data', own, '--addr', '', '--name', called], {
      KILN_AGENT_ORCHESTRATOR: ready.orchestrator ?? '',
      ...env,
    });
  };
  const forwarded = await agent('forwarded', {});
  const native = await agent('native', { KILN_AGENT_FORWARD_LOG: 'false' });
  const connected = () =>
    server.lines.map(parse).filter(({ service, msg }) => service === 'orchestrator' && msg === 'agent connected')
      .length;
  await until('both are connected', () => connected() === 2, 60_000);

  const said = () => ofAgents(forwarded.lines).filter(({ level }) => level !== 'debug');
  // Times are taken twice, where it is said and where it is sent.
  const plain = (records: Record<string, unknown>[]) => records.map(({ time: _, ...rest }) => rest);
  await until('it logged that it is connected', () => said().some(({ msg }) => msg === 'agent connected'));
  await vi.waitFor(() => expect(plain(ofAgents(server.lines))).toEqual(plain(said())), { timeout: 30_000 });
  const printed = ofAgents(server.lines);
  expect(new Set(printed.map(({ instance }) => instance))).toEqual(new Set(['forwarded']));
  await until('the other one logs for itself', () => ofAgents(native.lines).length > 0);
  for (const line of server.lines.filter((text) => parse(text).service === 'agent')) {
    const keys = [...line.matchAll(/[{,]"(\w+)":/g)].map(([, key]) => key);
    expect(keys).toEqual([...new Set(keys)]);
    expect(parse(line)).toMatchObject({
      time: expect.any(String),
      host: expect.any(String),
      agentId: expect.any(String),
    });
  }
  for (const { child } of [forwarded, native, server]) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}, 180_000);

test('an agent of `kiln up`: each line is there once', async () => {
  const farm = startKiln(join(folder, 'up'));
  await untilReady(farm);
  await stopKiln(farm);
  const said = farm.events.filter(({ service }) => service === 'agent');
  expect(said.length).toBeGreaterThan(0);
  const texts = said.map(({ time: _, agentId: __, ...rest }) => JSON.stringify(rest));
  expect(texts).toEqual([...new Set(texts)]);
}, 180_000);

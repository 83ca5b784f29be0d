import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '../../packages/cli/src/client.ts';
import { CHECKOUT } from '../../packages/cli/src/farm/location.ts';
import { type ReadyFile, readReadyFile } from '../../packages/cli/src/farm/ready-file.ts';
import { until } from './until.ts';

/** One event of the log. */
export type LogEvent = Record<string, unknown> & { level: string; msg: string };

/** A `kiln up` of a test's own, with what it said so far. */
export interface RunningFarm {
  dataDir: string;
  process: ChildProcess;
  /** Lines of stderr that are log events. */
  events: LogEvent[];
  /** Lines of stderr that are not. */
  noise: string[];
  stdout: () => string;
  /** Settles when the process ended: its exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
}

/** The `kiln` command. */
export const LAUNCHER = join(CHECKOUT, 'packages', 'cli', 'bin', 'kiln.mjs');

/** Starts `kiln up` with ports of the system's choice and a log in JSON. */
export function startKiln(dataDir: string, args: string[] = [], env: Record<string, string> = {}): RunningFarm {
  const child = spawn(process.execPath, [LAUNCHER, 'up', '--data', dataDir, '--log-format', 'json', ...args], {
    env: { PATH: process.env.PATH, HOME: dataDir, ...FREE_PORTS, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: LogEvent[] = [];
  const noise: string[] = [];
  let stdout = '';
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) events.push(JSON.parse(line));
      else noise.push(line);
    }
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? -1)),
  );
  return { dataDir, process: child, events, noise, stdout: () => stdout, ended };
}

const FREE_PORTS = {
  KILN_HTTP_ADDR: '127.0.0.1:0',
  KILN_ORCHESTRATOR_ADDR: '127.0.0.1:0',
  KILN_AGENT_ADDR: '127.0.0.1:0',
};

/** Waits until every part was ready. Throws with what the farm said when it ends before. */
export async function untilReady(farm: RunningFarm): Promise<ReadyFile> {
  const said = () => [...farm.events.map((event) => JSON.stringify(event)), ...farm.noise].join('\n');
  return await until(
    () => `the farm is ready:\n${said()}`,
    async () => {
      const ready = await readReadyFile(farm.dataDir);
      if (ready && ready.pid === farm.process.pid) return ready;
      if (farm.process.exitCode !== null)
        throw new Error(`the farm ended with ${farm.process.exitCode} before it was ready:\n${said()}`);
      return null;
    },
  );
}

/** A client of the farm, once it is ready. */
export async function clientOf(farm: RunningFarm): Promise<Client> {
  await untilReady(farm);
  return await createClient({ data: farm.dataDir });
}

/** Ends the farm in order. Returns its exit code. */
export async function stopKiln(farm: RunningFarm): Promise<number | NodeJS.Signals> {
  farm.process.kill('SIGTERM');
  return await farm.ended;
}

/** The process of a part. */
export async function pidOf(dataDir: string, part: 'server' | 'agent' | 'postgres'): Promise<number> {
  if (part === 'postgres') {
    return Number((await readFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  }
  const parts: Record<string, { pid: number }> = JSON.parse(await readFile(join(dataDir, 'run', 'parts.json'), 'utf8'));
  return parts[part]?.pid ?? 0;
}

/** Whether there is a process with this pid. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CHECKOUT } from '../packages/cli/src/farm/location.ts';
import { readReadyFile } from '../packages/cli/src/farm/ready-file.ts';
import { isAlive } from './support/kiln-up.ts';
import { until } from './support/until.ts';

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'kiln-npm-'));
});
afterEach(async () => await rm(data, { recursive: true, force: true }));

/** The programs that npm puts before Kiln pass no signal on by themselves. */
test.each([
  ['npm', ['start', '--silent', '--', '--no-starter'], 0],
  ['npx', ['kiln', 'up', '--no-starter'], 'SIGTERM'],
] as const)(
  'a farm started with %s ends with it, and nothing stays',
  { timeout: 180_000 },
  async (command, args, end) => {
    const child = spawn(command, [...args, '--data', data, '--log-format', 'json'], {
      cwd: CHECKOUT,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        KILN_HTTP_ADDR: '127.0.0.1:0',
        KILN_ORCHESTRATOR_ADDR: '127.0.0.1:0',
        KILN_AGENT_ADDR: '127.0.0.1:0',
      },
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = new Promise<number | string | null>((resolve) =>
      child.once('exit', (code, signal) => resolve(code ?? (signal === null ? null : signal))),
    );
    const ready = await until('it is ready', async () => await readReadyFile(data), 60_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${said}`);
    });
    const parts: Record<string, { pid: number }> = JSON.parse(await readFile(join(data, 'run', 'parts.json'), 'utf8'));
    const pids = [ready.pid, ...Object.values(parts).map((part) => part.pid)];
    expect(pids.filter(isAlive)).toEqual(pids);
    child.kill('SIGTERM');
    expect([end, end === 'SIGTERM' ? 143 : end]).toContain(await ended);
    await until('its processes are gone', () => !pids.some(isAlive), 60_000);
    expect(said).not.toContain('"level":"error"');
  },
);

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server program that a test runs. */
export interface Program {
  process: ChildProcess;
  /** What it wrote to stdout and stderr so far. */
  said(): string;
  /** SIGTERM, and SIGKILL five seconds later. Resolves when it ended. */
  stop(): Promise<void>;
}

/** Starts a server and waits until `readyUrl` answers 200. Throws with what it said when it ends before, or after 30 s. */
export async function startProgram(command: string, args: string[], readyUrl: string): Promise<Program> {
  // It ends with the test, also when that is killed.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(-200_000);
    });
  }
  const ended = Promise.race([once(child, 'close'), once(child, 'error')]);
  const program = { process: child, said: () => text, stop: async () => await stop(child, ended) };
  const deadline = Date.now() + 30_000;
  while (!(await answers(readyUrl))) {
    const gone = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    if (gone || Date.now() > deadline) {
      await program.stop();
      throw new Error(`${command} did not become ready at ${readyUrl}:\n${text}`);
    }
    await sleep(50);
  }
  return program;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return;
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(patience);
}

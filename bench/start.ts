import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FarmStatus } from '@kiln/protocol/api.ts';
import { difference, type Usage, usageBelow } from './process-tree.ts';
import { median, report } from './report.ts';

/**
 * `npm start` on a farm that was started before, with the starter farm's recipes: from the command to ready (the median of
 * five), and what the idle farm then costs. Claims: ready in under 3 s; all its processes, PostgreSQL's among them, use less
 * than 1 % of one core.
 */
const START = fileURLToPath(new URL('../scripts/start.mjs', import.meta.url));
const STARTS = 5;
const SETTLE_MS = 10_000;
const IDLE_MS = 20_000;

interface Started {
  process: ChildProcess;
  url: string;
  ms: number;
}

async function start(data: string): Promise<Started> {
  const began = performance.now();
  const child = spawn(process.execPath, [START, '--data', data], {
    stdio: 'ignore',
    env: {
      ...process.env,
      KILN_HTTP_ADDR: '127.0.0.1:0',
      KILN_ORCHESTRATOR_ADDR: '127.0.0.1:0',
      KILN_AGENT_ADDR: '127.0.0.1:0',
    },
  });
  for (;;) {
    const ready = await readFile(join(data, 'run', 'ready.json'), 'utf8').catch(() => null);
    if (ready) return { process: child, url: JSON.parse(ready).http, ms: performance.now() - began };
    if (child.exitCode !== null) throw new Error(`the farm ended with ${child.exitCode}; try: node ${START}`);
    await sleep(5);
  }
}

async function stop(farm: Started): Promise<void> {
  farm.process.kill('SIGTERM');
  await once(farm.process, 'exit');
}

/** Waits until everything that the first start built is built. */
async function untilIdle(url: string): Promise<void> {
  for (let idle = 0; idle < 5; ) {
    const status = (await (await fetch(`${url}/status`)).json()) as FarmStatus;
    idle = status.in_flight === null && status.builds_attempted > 0 ? idle + 1 : 0;
    await sleep(1000);
  }
}

async function idleCost(pid: number): Promise<Usage[]> {
  await sleep(SETTLE_MS);
  const before = await usageBelow(pid);
  await sleep(IDLE_MS);
  return difference(before, await usageBelow(pid));
}

const data = await mkdtemp(join(tmpdir(), 'kiln-bench-start-'));
let farm = await start(data);
try {
  await untilIdle(farm.url);
  await stop(farm);
  // The one that fails on purpose is tried again from time to time.
  await rm(join(data, 'recipes', 'kettle.yaml'));
  const times: number[] = [];
  for (let n = 0; n < STARTS; n++) {
    if (n > 0) await stop(farm);
    farm = await start(data);
    times.push(farm.ms);
  }
  const used = await idleCost(farm.process.pid ?? 0);
  const total = used.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const share = (ms: number) => `${((ms * 100) / IDLE_MS).toFixed(2)} %`;
  report('start', [
    {
      name: `npm start to ready, median of ${STARTS} (claim: under 3 s)`,
      ms: median(times),
    },
    { name: 'the slowest of them', ms: Math.max(...times) },
    { name: 'idle, all processes, of one core (claim: under 1 %)', value: share(total) },
    ...used.filter(({ cpuMs }) => cpuMs > 0).map(({ name, cpuMs }) => ({ name: `  ${name}`, value: share(cpuMs) })),
  ]);
} finally {
  await stop(farm);
  await rm(data, { recursive: true, force: true });
}

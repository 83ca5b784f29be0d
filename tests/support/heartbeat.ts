import type { UnitReading } from '@kiln/heartbeat/unit.ts';
import { type BootedSystemd, CHECKOUT_INSIDE, type Ended, NODE_INSIDE } from './systemd.ts';

/** What `--once-json` prints. */
export interface Reading {
  host: string;
  at: number;
  bootedAt: number;
  units: UnitReading[];
}

/** How a test runs the heartbeat inside. */
export interface HeartbeatCall {
  /** Lines of the configuration file. */
  list?: readonly string[];
  env?: Record<string, string>;
  args?: readonly string[];
}

const MAIN = `${CHECKOUT_INSIDE}/packages/heartbeat/src/main.ts`;
const CONFIG = '/etc/kiln-test.conf';
const STATE = '/var/lib/kiln-test.json';

/** Runs the heartbeat inside, with a memory of its own that lasts as long as the container. */
export async function runHeartbeat(systemd: BootedSystemd, { list, env, args = [] }: HeartbeatCall): Promise<Ended> {
  if (list) await systemd.run(['tee', CONFIG], { input: `${list.join('\n')}\n` });
  return await systemd.run([NODE_INSIDE, MAIN, '--config', CONFIG, '--state', STATE, ...args], {
    env: { NODE_COMPILE_CACHE: '/var/cache/kiln-test', ...env },
  });
}

/** Reads without sending. Fails the test when that did not end well. */
export async function readUnits(systemd: BootedSystemd, call: HeartbeatCall): Promise<Reading> {
  const { code, stdout, stderr } = await runHeartbeat(systemd, {
    ...call,
    args: [...(call.args ?? []), '--once-json'],
  });
  if (code !== 0 || stderr !== '') throw new Error(`the heartbeat ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/** One tick that is sent to a receiver. Fails the test when that did not end well. */
export async function beat(systemd: BootedSystemd, endpoint: string, call: HeartbeatCall = {}): Promise<void> {
  const args = ['--endpoint', endpoint, ...(call.args ?? [])];
  const { code, stderr } = await runHeartbeat(systemd, { ...call, args });
  if (code !== 0 || stderr !== '') throw new Error(`the heartbeat ended with ${code}: ${stderr}`);
}

import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROPERTIES } from '@kiln/heartbeat/survey.ts';
import { bootSystemd, CHECKOUT_INSIDE, NODE_INSIDE } from '../tests/support/systemd.ts';
import { type Figure, report } from './report.ts';

/**
 * One heartbeat over 50 services, from the start of the program to the receiver's answer, in a booted systemd. Claim: at most 1.5× the
 * one `systemctl show` over the same units plus the start of Node.js. Beside it, where Debian's package is installed: one scrape of
 * prometheus-node-exporter with its systemd collector, which stays in memory between two.
 */
const UNITS = 50;
const ROUNDS = 21;
const EXPORTER = '/usr/bin/prometheus-node-exporter';
const EXPORTER_PORT = 19_100;

const receiver = createServer((request, response) => {
  request.resume().on('end', () => response.end());
});
await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
const address = receiver.address();
const port = address && typeof address === 'object' ? address.port : 0;
const systemd = await bootSystemd();
try {
  const names = Array.from({ length: UNITS }, (_, n) => `bench-${n}.service`);
  await systemd.addUnits(Object.fromEntries(names.map((name) => [name, '[Service]\nExecStart=/bin/sleep infinity\n'])));
  await systemd.systemctl('start', ...names);
  await systemd.run(['tee', '/etc/bench.conf'], { input: names.join('\n') });
  const commands: Record<string, string[]> = {
    show: ['systemctl', 'show', `--property=${PROPERTIES.join(',')}`, '--', ...names],
    node: [NODE_INSIDE, '-e', '0'],
    heartbeat: [
      NODE_INSIDE,
      `${CHECKOUT_INSIDE}/packages/heartbeat/src/main.ts`,
      '--config=/etc/bench.conf',
      '--state=/var/lib/bench.json',
      `--endpoint=http://127.0.0.1:${port}/`,
    ],
  };
  if (existsSync(EXPORTER)) {
    const options = '--collector.disable-defaults --collector.systemd --web.disable-exporter-metrics';
    const listen = `--web.listen-address=127.0.0.1:${EXPORTER_PORT}`;
    await systemd.addUnit('exporter.service', `[Service]\nExecStart=${EXPORTER} ${options} ${listen}\n`);
    await systemd.systemctl('start', 'exporter.service');
  }
  const times = new Map<string, number[]>();
  const add = (name: string, ms: number) => times.set(name, [...(times.get(name) ?? []), ms]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, command] of Object.entries(commands)) add(name, await timeInside(command));
    if (existsSync(EXPORTER)) add('exporter', await timeScrape());
  }
  const median = (name: string) => times.get(name)?.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
  const base = median('show') + median('node');
  const figures: Figure[] = [
    { name: `systemctl show over ${UNITS} units`, ms: median('show') },
    { name: 'the start of Node.js (node -e 0)', ms: median('node') },
    {
      name: `heartbeat over ${UNITS} units, sent`,
      ms: median('heartbeat'),
      ratio: median('heartbeat') / base,
      claim: 1.5,
    },
  ];
  if (existsSync(EXPORTER))
    figures.push({ name: 'a scrape of prometheus-node-exporter, systemd collector alone', ms: median('exporter') });
  report('heartbeat', figures);
} finally {
  await systemd.stop();
  receiver.close();
}

/** Milliseconds of one command inside. */
async function timeInside(command: readonly string[]): Promise<number> {
  const script = 'began=$(date +%s%N); "$@" >/dev/null || exit 1; ended=$(date +%s%N); echo $((ended - began))';
  const env = { NODE_COMPILE_CACHE: '/var/cache/bench' };
  const { code, stdout, stderr } = await systemd.run(['sh', '-c', script, 'sh', ...command], { env });
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${stderr}`);
  return Number(stdout) / 1e6;
}

async function timeScrape(): Promise<number> {
  for (let tries = 0; ; tries++) {
    try {
      const began = performance.now();
      const text = await (await fetch(`http://127.0.0.1:${EXPORTER_PORT}/metrics`)).text();
      if (!text.includes('node_systemd_unit_state'))
        throw new Error(`the exporter shows no units: ${text.slice(0, 200)}`);
      return performance.now() - began;
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(100);
    }
  }
}

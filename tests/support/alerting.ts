import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Debian13 } from './debian13.ts';
import { ANY_PORT, startProgram } from './program.ts';
import { until } from './until.ts';

/** An alert as a webhook receives it from Alertmanager. */
export interface ReceivedAlert {
  status: 'firing' | 'resolved';
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** When the webhook had it, Unix time in milliseconds. */
  at: number;
}

/** What an on-call person would be called by: a webhook, and what it received so far. */
export interface Receiver {
  url: string;
  alerts: ReceivedAlert[];
  /** Waits for an alert with these labels that is firing. */
  firing(labels: Record<string, string>, timeoutMs: number): Promise<ReceivedAlert>;
  stop(): Promise<void>;
}

/** Starts a webhook that Alertmanager can call. */
export async function startReceiver(): Promise<Receiver> {
  const alerts: ReceivedAlert[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      const { alerts: received } = JSON.parse(text) as { alerts: Omit<ReceivedAlert, 'at'>[] };
      for (const alert of received) alerts.push({ ...alert, at: Date.now() });
      response.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    alerts,
    firing: async (labels, timeoutMs) =>
      await until(
        () => {
          const seen = alerts.map((alert) => `${alert.status} ${JSON.stringify(alert.labels)}`);
          return `an alert with ${JSON.stringify(labels)}, but:\n${seen.join('\n')}`;
        },
        () => alerts.find((alert) => alert.status === 'firing' && has(alert.labels, labels)),
        timeoutMs,
      ),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function has(labels: Record<string, string>, wanted: Record<string, string>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** A program that answers on an address. */
export interface Served {
  /** `host:port`. */
  address: string;
  url: string;
  said(): string;
  stop(): Promise<void>;
}

/** Debian's Alertmanager reads its templates from there and nowhere else, so it gets a /usr/share of its own. Needs root. */
const WITH_ITS_SHARE =
  'mount -t tmpfs none /usr/share && mkdir /usr/share/prometheus && ln -s "$1" /usr/share/prometheus/alertmanager && shift && exec "$@"';

/** Starts an Alertmanager (package prometheus-alertmanager) with a configuration, given as the text of its file. */
export async function startAlertmanager(debian: Debian13, config: string): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-alertmanager-'));
  const file = join(folder, 'alertmanager.yml');
  await writeFile(file, config);
  const args = [
    `--config.file=${file}`,
    `--storage.path=${join(folder, 'data')}`,
    `--web.listen-address=${ANY_PORT}`,
    '--cluster.listen-address=',
  ];
  const share = join(debian.root('prometheus-alertmanager'), 'usr/share/prometheus/alertmanager');
  const command = [share, debian.program('prometheus-alertmanager'), ...args];
  const inside = ['--mount', 'sh', '-c', WITH_ITS_SHARE, 'sh', ...command];
  const program = await startProgram('unshare', inside, '/-/ready');
  const stop = async () => {
    await program.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { address: program.address, url: program.url, said: program.said, stop };
}

/** Starts a vmalert (package victoria-metrics) with these options. */
export async function startVmalert(debian: Debian13, options: string[]): Promise<Served> {
  return await startProgram(debian.program('vmalert'), [...options, `-httpListenAddr=${ANY_PORT}`], '/health');
}

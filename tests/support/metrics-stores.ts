import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Debian13 } from './debian13.ts';
import { ANY_PORT, type Program, startProgram } from './program.ts';

/** One series of an answer: its labels without the name, and its newest value. */
export interface Row {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** A real metrics store on a port and with data of its own. */
export interface MetricsStore {
  kind: 'VictoriaMetrics' | 'Prometheus';
  url: string;
  /** Where OTLP/HTTP is pushed to. */
  otlpUrl: string;
  /** What an expression says at a time (default: now). */
  query(expression: string, at?: Date): Promise<Row[]>;
  /** Names of the metrics that it has. */
  names(): Promise<string[]>;
  said(): string;
  stop(): Promise<void>;
}

/** Starts a VictoriaMetrics (package victoria-metrics). */
export async function startVictoriaMetrics(debian: Debian13): Promise<MetricsStore> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-vm-'));
  const args = [
    `-storageDataPath=${folder}`,
    `-httpListenAddr=${ANY_PORT}`,
    '-retentionPeriod=30d',
    '-memory.allowedBytes=256MiB',
  ];
  const program = await startProgram(debian.program('victoria-metrics'), args, '/health');
  return store('VictoriaMetrics', folder, program, program);
}

/** What a Prometheus is to do beside storing. */
export interface PrometheusOptions {
  /** Files with alert rules. */
  rules?: string[];
  /** `host:port` of the Alertmanager that its alerts go to. */
  alertmanager?: string;
  /** `host:port` of a Kiln whose /metrics it scrapes, every second. */
  kiln?: string;
  /** Labels of all its alerts. */
  labels?: Record<string, string>;
}

/**
 * Starts a Prometheus (package prometheus) with a vmagent (package victoria-metrics) in front, which takes OTLP and passes it on by
 * remote write: Debian builds its Prometheus without the OTLP receiver.
 */
export async function startPrometheus(debian: Debian13, options: PrometheusOptions = {}): Promise<MetricsStore> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-prometheus-'));
  const config = join(folder, 'prometheus.yml');
  const { rules = [], alertmanager, kiln, labels = {} } = options;
  const alertmanagers = alertmanager ? [{ static_configs: [{ targets: [alertmanager] }] }] : [];
  const global = { external_labels: labels };
  const kilns = kiln ? [{ job_name: 'kiln', scrape_interval: '1s', static_configs: [{ targets: [kiln] }] }] : [];
  const settings = { global, rule_files: rules, alerting: { alertmanagers }, scrape_configs: kilns };
  await writeFile(config, JSON.stringify(settings));
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=${ANY_PORT}`,
    '--web.enable-remote-write-receiver',
  ];
  const program = await startProgram(debian.program('prometheus'), args, '/-/ready');
  const agent = await startVmagent(debian, `${program.url}/api/v1/write`, join(folder, 'vmagent')).catch(
    async (error) => {
      await program.stop();
      throw error;
    },
  );
  const stop = async () => {
    await agent.stop();
    await program.stop();
  };
  const { url } = program;
  return store('Prometheus', folder, { url, said: () => program.said() + agent.said(), stop }, agent);
}

async function startVmagent(debian: Debian13, remoteWriteUrl: string, folder: string): Promise<Program> {
  const args = [
    `-httpListenAddr=${ANY_PORT}`,
    `-remoteWrite.url=${remoteWriteUrl}`,
    '-remoteWrite.forcePromProto',
    // One queue keeps the order of samples, which Prometheus insists on.
    '-remoteWrite.queues=1',
    `-remoteWrite.tmpDataPath=${folder}`,
  ];
  return await startProgram(debian.program('vmagent'), args, '/health');
}

/** A store by the program that is asked, and the one that OTLP is pushed to. */
function store(
  kind: MetricsStore['kind'],
  folder: string,
  program: Pick<Program, 'url' | 'said' | 'stop'>,
  takesOtlp: Pick<Program, 'url'>,
): MetricsStore {
  const { url } = program;
  return {
    kind,
    url,
    otlpUrl: `${takesOtlp.url}/opentelemetry/v1/metrics`,
    said: program.said,
    query: async (expression, at) => {
      // VictoriaMetrics else answers as of 30 s ago; Prometheus ignores it.
      const parameters = new URLSearchParams({ query: expression, nocache: '1' });
      if (at) parameters.set('time', String(at.getTime() / 1000));
      const { result } = await get<{ result: Answer[] }>(`${url}/api/v1/query?${parameters}`);
      return result.map(({ metric: { __name__ = '', ...labels }, value }) => ({
        name: __name__,
        labels,
        value: Number(value[1]),
      }));
    },
    names: async () => await get<string[]>(`${url}/api/v1/label/__name__/values`),
    stop: async () => {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Answer {
  metric: Record<string, string>;
  value: [number, string];
}

async function get<T>(url: string): Promise<T> {
  const response = await fetch(url);
  const answer = (await response.json()) as { status: string; error?: string; data: T };
  if (answer.status !== 'success') throw new Error(`${url}: ${answer.error}`);
  return answer.data;
}

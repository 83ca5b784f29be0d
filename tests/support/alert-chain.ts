import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ALERTS, RULES } from './alert-rules.ts';
import { type Receiver, startAlertmanager, startReceiver, startVmalert } from './alerting.ts';
import type { Debian13 } from './debian13.ts';
import { type MetricsStore, startPrometheus, startVictoriaMetrics } from './metrics-stores.ts';
import { startTee, type Tee } from './tee.ts';

/** Packages that `startAlertChain` needs. */
export const CHAIN_PACKAGES = ['victoria-metrics', 'prometheus', 'prometheus-alertmanager'];

/** From a heartbeat to whom an alert calls, twice: by VictoriaMetrics with vmalert, and by Prometheus. */
export interface AlertChain {
  /** Where heartbeats go; it passes them on to both stores. */
  heartbeats: Tee;
  stores: MetricsStore[];
  /** What the Alertmanager of each store calls. Alerts have a label `store`. */
  receiver: Receiver;
  stop(): Promise<void>;
}

/** Starts all of it with the shipped rules and settings; only addresses are others. */
export async function startAlertChain(debian: Debian13): Promise<AlertChain> {
  const parts: { stop(): Promise<void> }[] = [];
  const started = async <T extends { stop(): Promise<void> }>(part: Promise<T>): Promise<T> => {
    const it = await part;
    parts.unshift(it);
    return it;
  };
  const stop = async () => {
    for (const part of parts) await part.stop();
  };
  try {
    const receiver = await started(startReceiver());
    // One for each store: alerts of one group are told together, and the later of two would wait for the next time.
    const config = await alertmanagerConfig(receiver.url);
    const managers = [
      await started(startAlertmanager(debian, config)),
      await started(startAlertmanager(debian, config)),
    ] as const;
    const victoria = await started(startVictoriaMetrics(debian));
    const options = await vmalertOptions(victoria.url, managers[0].url);
    await started(startVmalert(debian, [...options, '-external.label=store=VictoriaMetrics']));
    const labels = { store: 'Prometheus' };
    const prometheus = await started(
      startPrometheus(debian, { rules: [RULES], alertmanager: managers[1].address, labels }),
    );
    const stores = [victoria, prometheus];
    const heartbeats = await started(startTee(stores.map((store) => store.otlpUrl)));
    return { heartbeats, stores, receiver, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function alertmanagerConfig(webhook: string): Promise<string> {
  const text = await readFile(join(ALERTS, 'alertmanager.example.yaml'), 'utf8');
  return text.replace(/url: .*/, `url: ${webhook}`);
}

/** The options of the shipped unit. */
async function vmalertOptions(store: string, notifier: string): Promise<string[]> {
  const unit = await readFile(join(ALERTS, 'kiln-vmalert.service'), 'utf8');
  const [, line = ''] = /^ExecStart=\/usr\/bin\/vmalert((?:.*\\\n)*.*)$/m.exec(unit) ?? [];
  return line
    .split(/[\s\\]+/)
    .filter((word) => word !== '' && !word.startsWith('-httpListenAddr='))
    .map((word) =>
      word
        .replace('http://127.0.0.1:8428', store)
        .replace('http://127.0.0.1:9093', notifier)
        .replace('/opt/kiln/deploy/alerts', ALERTS),
    );
}

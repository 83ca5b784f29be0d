import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHECKOUT } from '../packages/cli/src/farm/location.ts';
import { CHAIN_PACKAGES, startAlertChain } from '../tests/support/alert-chain.ts';
import { debian13 } from '../tests/support/debian13.ts';
import { bootSystemd, noSystemd } from '../tests/support/systemd.ts';
import { report } from './report.ts';

/**
 * From what goes wrong on a host to whoever an alert calls, with the shipped timer, rules and settings: a real systemd, VictoriaMetrics
 * with vmalert and Prometheus beside each other, Alertmanager, a webhook. Claim: a restart loop under 60 s. Needs root. It takes
 * about seven minutes, or five with `--rounds 2`.
 */
const STORES = ['VictoriaMetrics', 'Prometheus'];
const LIMIT_MS = 60_000;
const option = process.argv.indexOf('--rounds');
const rounds = option > 0 ? Number(process.argv[option + 1]) : 5;

const debian = await debian13(...CHAIN_PACKAGES);
const reason = typeof debian === 'string' ? debian : noSystemd;
if (typeof debian === 'string' || reason) {
  process.stderr.write(`this bench can't run here: ${reason}\n`);
  process.exit(1);
}

const chain = await startAlertChain(debian);
const machine = await bootSystemd();
try {
  const names = Array.from({ length: rounds }, (_, index) => `loop-${index}.service`);
  const service = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1s\n';
  await cp(join(CHECKOUT, 'deploy/systemd'), join(machine.root, 'etc/systemd/system'), { recursive: true });
  await mkdir(join(machine.root, 'etc/kiln'));
  await writeFile(join(machine.root, 'etc/kiln/heartbeat.conf'), [...names, 'tick.timer'].join('\n'));
  await writeFile(join(machine.root, 'etc/kiln/heartbeat.env'), `KILN_HEARTBEAT_ENDPOINT=${chain.heartbeats.url}\n`);
  await machine.addUnits({
    ...Object.fromEntries(names.map((name) => [name, service])),
    'tick.service': '[Service]\nType=oneshot\nExecStart=/bin/true\n',
    'tick.timer': '[Timer]\nOnActiveSec=1s\nOnUnitActiveSec=30s\nAccuracySec=1s\n',
  });
  await machine.systemctl('start', 'tick.timer', 'systemd-heartbeat.timer', 'systemd-heartbeat.service');

  const loops: Record<string, number[]> = { VictoriaMetrics: [], Prometheus: [] };
  for (const [round, unit] of names.entries()) {
    // At another moment between two ticks each time; the first one right after a tick, which is the worst.
    await nextTick();
    await sleep((round * 30_000) / rounds);
    await machine.systemctl('start', unit);
    const began = Date.now();
    for (const store of STORES) {
      const alert = await chain.receiver.firing({ alertname: 'SystemdRestartLoop', store, unit }, 90_000);
      loops[store]?.push(alert.at - began);
    }
    await machine.systemctl('stop', unit);
  }

  await machine.systemctl('stop', 'tick.timer');
  const stale = await timesOf('SystemdTimerStale', async () => {
    const rows = await chain.stores[0]?.query('systemd_timer_last_trigger_timestamp_seconds{unit="tick.timer"}');
    return (rows?.[0]?.value ?? Number.NaN) * 1000;
  });
  await machine.systemctl('stop', 'systemd-heartbeat.timer');
  const missing = await timesOf('SystemdHeartbeatMissing', async () => chain.heartbeats.received.at(-1) ?? Number.NaN);

  report('alert-latency', [
    ...STORES.flatMap((store) => {
      const values = loops[store] ?? [];
      const worst = Math.max(...values);
      return [
        {
          name: `${store}: crash loop to webhook, worst of ${rounds} (claim: under 60 s)`,
          ms: worst,
          ratio: worst / LIMIT_MS,
          claim: 1,
        },
        { name: `${store}: the same, mean`, ms: values.reduce((sum, value) => sum + value, 0) / values.length },
        { name: `${store}: timer of 30 s stopped, from its last trigger`, ms: stale[store] ?? Number.NaN },
        { name: `${store}: heartbeat stopped, from its last push`, ms: missing[store] ?? Number.NaN },
      ];
    }),
  ]);
} finally {
  await machine.stop();
  await chain.stop();
}

/** Waits for the next heartbeat. */
async function nextTick(): Promise<void> {
  const before = chain.heartbeats.received.length;
  while (chain.heartbeats.received.length === before) await sleep(50);
}

/** When each store had an alert told, in milliseconds since what `since` says afterwards. */
async function timesOf(alertname: string, since: () => Promise<number>): Promise<Record<string, number>> {
  const told: Record<string, number> = {};
  for (const store of STORES) told[store] = (await chain.receiver.firing({ alertname, store }, 240_000)).at;
  const from = await since();
  return Object.fromEntries(Object.entries(told).map(([store, at]) => [store, at - from]));
}

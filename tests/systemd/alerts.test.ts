import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { METRICS } from '@kiln/heartbeat/metrics-table.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKOUT } from '../../packages/cli/src/farm/location.ts';
import { type AlertChain, CHAIN_PACKAGES, startAlertChain } from '../support/alert-chain.ts';
import { filled, panelQueries, variableQuery } from '../support/dashboard-queries.ts';
import { debian13 } from '../support/debian13.ts';
import { type BootedSystemd, bootSystemd, noSystemd } from '../support/systemd.ts';

/*
 * From a crash to whoever is called: a real systemd with the shipped heartbeat and its timer, VictoriaMetrics with vmalert and
 * Prometheus beside each other, and an Alertmanager, all with the shipped rules and settings.
 */
const debian = await debian13(...CHAIN_PACKAGES);

const LIST = 'crashing.service\nthrice.service\nfailing.service\nsteady.service\nsystemd-heartbeat.timer\n';
const UNITS = {
  'crashing.service':
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1s\n',
  'thrice.service':
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c "echo >>/run/thrice; [ $$(wc -l </run/thrice) -gt 3 ] && exec sleep 600; exit 7"\nRestart=always\nRestartSec=1s\n',
  'failing.service': '[Service]\nType=oneshot\nExecStart=/bin/sh -c "exit 3"\n',
  'steady.service': '[Service]\nExecStart=/bin/sleep 600\n',
};

describe.skipIf(typeof debian === 'string' || noSystemd)('alerts', () => {
  let chain: AlertChain;
  let machine: BootedSystemd;
  let crashedAt: number;
  beforeAll(async () => {
    if (typeof debian === 'string') return;
    [chain, machine] = await Promise.all([startAlertChain(debian), bootSystemd()]);
    const etc = join(machine.root, 'etc');
    await cp(join(CHECKOUT, 'deploy/systemd'), join(etc, 'systemd/system'), { recursive: true });
    await mkdir(join(etc, 'kiln'));
    await writeFile(join(etc, 'kiln/heartbeat.conf'), LIST);
    await writeFile(join(etc, 'kiln/heartbeat.env'), `KILN_HEARTBEAT_ENDPOINT=${chain.heartbeats.url}\n`);
    await machine.addUnits(UNITS);
    await machine.systemctl('start', 'steady.service', 'systemd-heartbeat.timer');
    // One tick with everything well, and the crash right after it: it takes as long as it can until the next one.
    await machine.systemctl('start', 'systemd-heartbeat.service');
    crashedAt = Date.now();
    await machine.systemctl('start', '--no-block', 'crashing.service', 'thrice.service', 'failing.service');
  });
  afterAll(async () => {
    await machine?.stop();
    await chain?.stop();
  });

  test.each(['VictoriaMetrics', 'Prometheus'])(
    'a crash loop calls somebody, by %s',
    { timeout: 200_000 },
    async (store) => {
      const alert = await chain.receiver.firing({ alertname: 'SystemdRestartLoop', store }, 180_000);
      expect(alert.labels).toMatchObject({ unit: 'crashing.service', host: 'kiln-test', severity: 'critical' });
      expect(alert.annotations.summary).toMatch(/^crashing\.service on kiln-test restarted \d+ times in five minutes$/);
      expect(alert.annotations.runbook).toContain('journalctl -u crashing.service');
    },
  );

  test.each(['VictoriaMetrics', 'Prometheus'])(
    'a failed unit does, too, by %s',
    { timeout: 130_000 },
    async (store) => {
      const alert = await chain.receiver.firing({ alertname: 'SystemdUnitFailed', store }, 120_000);
      expect(alert.labels).toMatchObject({ unit: 'failing.service', severity: 'critical' });
    },
  );

  test('nothing is told of what crashed three times, nor of what is well', () => {
    const told = new Set(chain.receiver.alerts.map(({ labels }) => `${labels.alertname} ${labels.unit}`));
    expect(told).toEqual(new Set(['SystemdRestartLoop crashing.service', 'SystemdUnitFailed failing.service']));
  });

  test('three restarts were seen all the same, and every metric has a name of the table', async () => {
    for (const store of chain.stores) {
      const [restarts] = await store.query('systemd_unit_restart_count_total{unit="thrice.service"}');
      expect(restarts?.value, store.kind).toBe(3);
      const names = (await store.names()).filter((name) => name.startsWith('systemd_'));
      expect(
        names.filter((name) => !(name in METRICS)),
        store.kind,
      ).toEqual([]);
      expect(names.length, store.kind).toBeGreaterThan(15);
    }
  });

  test('the dashboard shows them: a row for each unit of the list, with its state and its restarts', async () => {
    for (const store of chain.stores) {
      const rows = async (expr: string | undefined, unit?: string) => await store.query(filled(expr, unit));
      for (const { expr } of panelQueries()) await rows(expr);
      const units = (await rows(variableQuery('unit'))).map(({ labels }) => labels.unit).sort();
      expect(units, store.kind).toEqual(LIST.split('\n').filter(Boolean).sort());
      // Of the row of a unit: of two panels with the same title it is the later one.
      const one = async (title: string, unit: string) => (await rows(panelQueries(title).at(-1)?.expr, unit))[0];
      expect((await one('Last state', 'steady.service'))?.labels.sub_state, store.kind).toBe('running');
      expect((await one('Restarts in this time', 'thrice.service'))?.value, store.kind).toBe(3);
      expect((await one('Last failure', 'failing.service'))?.value, store.kind).toBeGreaterThan(crashedAt - 1000);
    }
  });

  test('the shipped units are what systemd calls right', async () => {
    const vmalert = await readFile(join(CHECKOUT, 'deploy/alerts/kiln-vmalert.service'), 'utf8');
    await machine.addUnit('kiln-vmalert.service', vmalert.replace('/usr/bin/vmalert', '/usr/bin/true'));
    const units = ['systemd-heartbeat.timer', 'systemd-heartbeat.service', 'kiln-vmalert.service'];
    expect(await machine.run(['systemd-analyze', 'verify', '--man=no', ...units])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(await machine.systemctl('show', 'systemd-heartbeat.timer')).toMatch(
      /TimersMonotonic=.*OnUnitActiveUSec=30s/,
    );
  });
});

import { type TestPlatform, testPlatform } from '@kiln/platform/testing.ts';
import type { DailyReport, UnitSeries } from '@kiln/protocol/hosts.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { debian13 } from '../support/debian13.ts';
import { running, tellHost } from '../support/host-readings.ts';
import { type MetricsStore, startVictoriaMetrics } from '../support/metrics-stores.ts';
import { fillStore } from '../support/unit-history.ts';
import { until } from '../support/until.ts';

/* Kiln with a real metrics store beside it: charts and the daily report come from there, and its own /metrics can be scraped into it. */
const debian = await debian13('victoria-metrics');
const TICKS = 40;
const ODD = 'dev-disk-by\\x2dlabel.mount';

describe.skipIf(typeof debian === 'string')('with a metrics store', () => {
  let store: MetricsStore;
  let platform: TestPlatform;

  beforeAll(async () => {
    if (typeof debian === 'string') return;
    store = await startVictoriaMetrics(debian);
    platform = await testPlatform({ 'metrics.url': `${store.url}/` });
    const history = {
      host: 'web-1',
      units: {
        'loops.service': (tick: number) => ({ restarts: Math.max(0, Math.min(5, tick - 30)) }),
        'falls.service': (tick: number) => ({ failed: tick > 35, subState: tick > 35 ? 'failed' : 'running' }),
        'late.timer': (tick: number, at: number) => ({
          timer: { verdict: tick > 30 ? 5 : 0, lastTrigger: at - 10, interval: 30 },
        }),
        'well.service': () => ({}),
        [ODD]: () => ({}),
      },
    };
    await fillStore(store, [history], TICKS);
  });
  afterAll(async () => await Promise.all([platform?.stop(), store?.stop()]));

  test('charts of a unit come from there', async () => {
    const series = async (unit: string, name: string) =>
      await platform.json<UnitSeries>(
        `/api/hosts/web-1/units/${encodeURIComponent(unit)}/series?name=${name}&range=1h`,
      );
    const restarts = await series('loops.service', 'restarts');
    expect(restarts).toMatchObject({ source: 'store', stepSeconds: 30 });
    expect(restarts.points.some(([, value]) => (value ?? 0) >= 1)).toBe(true);
    // What is in a name is no part of the question.
    expect((await series(ODD, 'restarts')).points.length).toBeGreaterThan(10);
    expect((await series('x"} or vector(1) #', 'memory')).points).toEqual([]);
    expect((await platform.ask('/api/hosts/a/units/b/series?name=memory&range=10y')).status).toBe(400);
  });

  test('the daily report does, too', async () => {
    const report = await platform.json<DailyReport>('/api/report/daily?from=metrics');
    expect(report).toMatchObject({ source: 'metrics', quiet: false, hosts: 1, silences: [] });
    const told = Object.fromEntries(report.units.map((row) => [row.unit, [row.failures, row.restarts, row.stale]]));
    expect(told).toEqual({ 'falls.service': [1, 0, 0], 'loops.service': [0, 5, 0], 'late.timer': [0, 0, 1] });
  });

  test('what Kiln shows to scrapers is what the store takes', async () => {
    await tellHost(
      platform.db,
      'scraped-1',
      1,
      { 'a.service': running({ restarts: 7 }), [ODD]: running() },
      { bootAt: 1.7e9 },
    );
    const text = await (await fetch(`${platform.url}/metrics`)).text();
    const taken = await fetch(`${store.url}/api/v1/import/prometheus`, { method: 'POST', body: text });
    expect(taken.status).toBe(204);
    const rows = async () => await store.query('systemd_unit_restart_count_total{host="scraped-1"}');
    await until('both units are in the store', async () => (await rows()).length === 2);
    const found = (await rows()).map(({ labels, value }) => [labels.unit, value]);
    expect(found).toContainEqual(['a.service', 7]);
    expect(found).toContainEqual([ODD, 0]);
  });

  test('one that does not answer is said so', async () => {
    await store.stop();
    const answer = await platform.ask('/api/hosts/web-1/units/a.service/series?name=memory');
    expect(answer.status).toBe(502);
    expect(await answer.text()).toContain(`the metrics store ${store.url} does not help: connect ECONNREFUSED`);
    expect((await platform.ask('/api/hosts')).status).toBe(200);
  });
});

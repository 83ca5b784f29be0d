import { encodeMetrics } from '@kiln/heartbeat/otlp.ts';
import { type TestPlatform, testPlatform } from '@kiln/platform/testing.ts';
import type { NewHostToken } from '@kiln/protocol/hosts.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRules } from '../support/alert-rules.ts';
import { debian13 } from '../support/debian13.ts';
import { type MetricsStore, startPrometheus } from '../support/metrics-stores.ts';
import { type HostHistory, samplesOf } from '../support/unit-history.ts';
import { until } from '../support/until.ts';

/* A Prometheus that takes no OTLP scrapes what heartbeats told Kiln; the same rules see the same things there. */
const debian = await debian13('prometheus', 'victoria-metrics');

const HOST: HostHistory = {
  host: 'build-1',
  units: {
    'looping.service': (tick) => ({ restarts: 4 * tick, subState: tick === 0 ? 'running' : 'auto-restart' }),
    'thrice.service': (tick) => ({ restarts: 3 * tick }),
    'failing.service': (tick) => (tick === 0 ? {} : { subState: 'failed', failed: true, ends: 'running' }),
    'gone.service': () => ({ subState: 'not-found', active: false, missing: true }),
  },
};

describe.skipIf(typeof debian === 'string')('a Prometheus that scrapes Kiln', () => {
  let platform: TestPlatform;
  let store: MetricsStore;
  let token: string;
  beforeAll(async () => {
    if (typeof debian === 'string') return;
    platform = await testPlatform();
    const made = await platform.ask('/api/host-tokens', { method: 'POST', body: { name: 'build-1' } });
    ({ token } = (await made.json()) as NewHostToken);
    await beat(0);
    store = await startPrometheus(debian, { kiln: new URL(platform.url).host });
    await untilRows('systemd_unit_failed', 4);
  });
  afterAll(async () => {
    await store?.stop();
    await platform?.stop();
  });

  test('raises the same alerts', async () => {
    await beat(1);
    await untilRows('systemd_unit_failed == 1', 1);
    const seen: Record<string, (string | undefined)[]> = {};
    for (const { alert, labels, expr } of await readRules()) {
      const rows = await store.query(expr);
      if (rows.length > 0) seen[`${alert} ${labels.severity}`] = rows.map((row) => row.labels.unit);
    }
    expect(seen).toEqual({
      'SystemdRestartLoop critical': ['looping.service'],
      'SystemdUnitFailed critical': ['failing.service'],
      'SystemdUnitMissing critical': ['gone.service'],
    });
    expect(await store.query('systemd_unit_active{unit="failing.service"}')).toMatchObject([
      { labels: { sub_state: 'failed', host: 'build-1' }, value: 0 },
    ]);
  });

  async function beat(tick: number): Promise<void> {
    const at = Date.now();
    const response = await fetch(`${platform.url}/v1/metrics`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', authorization: `Bearer ${token}` },
      body: Buffer.from(encodeMetrics(samplesOf(HOST, tick, at / 1000), { at, countersSince: at - 60_000 })),
    });
    expect(response.status).toBe(200);
  }

  async function untilRows(expr: string, rows: number): Promise<void> {
    const missing = () => `${expr} with ${rows} rows:\n${store.said()}`;
    await until(missing, async () => (await store.query(expr)).length === rows);
  }
});

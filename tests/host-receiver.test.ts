import { gzipSync } from 'node:zlib';
import { METRICS, type Sample } from '@kiln/heartbeat/metrics-table.ts';
import { encodeMetrics } from '@kiln/heartbeat/otlp.ts';
import { type TestPlatform, testPlatform } from '@kiln/platform/testing.ts';
import { HOST_METRICS } from '@kiln/protocol/host-metrics.ts';
import type { HostDetail, HostTokenList, NewHostToken, UnitDetail } from '@kiln/protocol/hosts.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from './support/until.ts';

let p: TestPlatform;
let token: string;
beforeAll(async () => {
  p = await testPlatform();
  const made = await p.ask('/api/host-tokens', { method: 'POST', body: { name: 'web-1' } });
  const answer: NewHostToken = await made.json();
  token = answer.token;
});
afterAll(async () => await p.stop());
beforeEach(async () => void (await p.db`DELETE FROM hosts`));

const PROTOBUF = 'application/x-protobuf';

function samples(unit: string, values: Partial<Record<keyof typeof METRICS, number>>, host = 'web-1'): Sample[] {
  return Object.entries(values).map(([metric, value]) => ({
    metric: metric as keyof typeof METRICS,
    labels: { unit, host, ...(metric === 'systemd_unit_active' ? { sub_state: value ? 'running' : 'failed' } : {}) },
    value,
  }));
}

const healthy = (unit: string, host?: string) =>
  samples(unit, { systemd_unit_active: 1, systemd_unit_restart_count_total: 0, systemd_unit_failed: 0 }, host);

function encoded(list: readonly Sample[], at = Date.now()): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encodeMetrics(list, { at, countersSince: at - 60_000 }));
}

async function push(body: BodyInit, headers: Record<string, string> = {}, bearer = token): Promise<Response> {
  return await fetch(`${p.url}/v1/metrics`, {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': PROTOBUF, ...headers },
  });
}

describe('what the heartbeat sends', () => {
  it('has the names and types that Kiln keeps', () => {
    const kept = Object.values(HOST_METRICS).map(({ name, type, of }) => [name, type, of]);
    const sent = Object.entries(METRICS).map(([name, row]) => [
      name,
      row.type,
      row.labels.some((label) => label === 'unit') ? 'unit' : 'host',
    ]);
    expect(kept.sort()).toEqual(sent.sort());
  });

  it('is kept, plain or packed, and shown again under the same names', async () => {
    const list = [
      ...healthy('nginx.service'),
      {
        metric: 'systemd_unit_active',
        labels: { unit: 'nginx.service', host: 'web-1', sub_state: 'failed' },
        value: null,
      },
      { metric: 'systemd_host_boot_timestamp_seconds', labels: { host: 'web-1' }, value: 1_700_000_000 },
      { metric: 'systemd_heartbeat_last_success_timestamp_seconds', labels: { host: 'web-1' }, value: 1_800_000_000 },
    ] satisfies Sample[];
    const response = await push(encoded(list));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(PROTOBUF);
    expect((await response.arrayBuffer()).byteLength).toBe(0);
    expect((await push(gzipSync(encoded(list)), { 'content-encoding': 'gzip' })).status).toBe(200);

    const host = await p.json<HostDetail>('/api/hosts/web-1');
    expect(host).toMatchObject({ host: 'web-1', health: 'ok', bootAt: '2023-11-14T22:13:20.000Z' });
    expect(host.rows).toMatchObject([{ unit: 'nginx.service', state: 'ok', subState: 'running' }]);
    const shown = await (await fetch(`${p.url}/metrics`)).text();
    expect(shown).toContain('systemd_unit_active{unit="nginx.service",sub_state="running",host="web-1"} 1\n');
    expect(shown).toContain('# TYPE systemd_unit_restart_count_total counter\n');
    expect(shown).toContain('kiln_host_points_total{outcome="accepted"}');
    expect(shown.match(/^systemd_unit_active/gm)).toHaveLength(1);

    await p.db`UPDATE host_readings SET received_at = now() - interval '70 seconds'`;
    const later = await until('the metrics are counted again', async () => {
      const text = await (await fetch(`${p.url}/metrics`)).text();
      return text.includes('systemd_unit_') ? null : text;
    });
    expect(later).toContain('systemd_heartbeat_last_success_timestamp_seconds{host="web-1"} 1800000000\n');
  });

  it('can be JSON, as a collector sends it', async () => {
    const time = `${Date.now()}000000`;
    const label = (key: string, stringValue: string) => ({ key, value: { stringValue } });
    const point = (more: object) => ({ timeUnixNano: time, attributes: [label('unit', 'a.service')], ...more });
    const body = {
      resourceMetrics: [
        {
          resource: { attributes: [label('host.name', 'web-1')] },
          scopeMetrics: [
            {
              metrics: [
                { name: 'systemd_unit_active', gauge: { dataPoints: [point({ asInt: '1' })] } },
                { name: 'systemd_unit_memory_bytes', gauge: { dataPoints: [point({ asDouble: 4096 })] } },
                { name: 'http_requests', sum: { dataPoints: [point({ asInt: '3' })] } },
                { name: 'latency', histogram: { dataPoints: [{}, {}] } },
              ],
            },
          ],
        },
      ],
    };
    const response = await push(JSON.stringify(body), { 'content-type': 'application/json; charset=utf-8' });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      partialSuccess: {
        rejectedDataPoints: '3',
        errorMessage: 'Kiln keeps gauges and sums only; Kiln keeps the metrics of its heartbeat only',
      },
    });
    expect(await p.json<UnitDetail>('/api/hosts/web-1/units/a.service')).toMatchObject({
      state: 'ok',
      memoryBytes: 4096,
    });
  });

  it('tells of a crash: restarts, and how it ended', async () => {
    const now = Date.now();
    const base = { systemd_unit_active: 1, systemd_unit_failed: 0 };
    await push(encoded(samples('a.service', { ...base, systemd_unit_restart_count_total: 2 }), now - 30_000));
    const crashed = samples('a.service', {
      ...base,
      systemd_unit_restart_count_total: 4,
      systemd_unit_last_exit_kind: 2,
      systemd_unit_last_exit_status: 9,
      systemd_unit_result: 7,
    });
    await push(encoded(crashed, now));
    await push(encoded(crashed, now));
    const unit = await p.json<UnitDetail>('/api/hosts/web-1/units/a.service');
    expect(unit).toMatchObject({
      restarts24h: 2,
      lastFailure: { exitKind: 'signal', exitStatus: 9, result: 'oom-kill' },
    });
    expect(unit.events.map(({ kind }) => kind)).toEqual(['restart', 'seen']);
  });
});

describe('what is refused', () => {
  it('are pushes without a token of their own, and a token opens nothing else', async () => {
    expect((await push(encoded(healthy('a.service')), {}, 'wrong')).status).toBe(401);
    expect((await push(encoded(healthy('a.service')), {}, p.adminToken)).status).toBe(401);
    expect((await fetch(`${p.url}/api/hosts`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    expect(JSON.stringify(p.logged)).not.toContain(token);
  });

  it('is what a token may not say of another host; a collector may', async () => {
    const list = [...healthy('a.service'), ...healthy('a.service', 'db-1')];
    const response = await push(encoded(list));
    expect(Buffer.from(await response.arrayBuffer()).toString()).toContain('this token may speak for web-1 only');
    expect((await p.ask('/api/hosts/db-1')).status).toBe(404);
    const made = await p.ask('/api/host-tokens', { method: 'POST', body: { name: 'otel', anyHost: true } });
    const collector: NewHostToken = await made.json();
    expect((await (await push(encoded(list), {}, collector.token)).arrayBuffer()).byteLength).toBe(0);
    expect((await p.ask('/api/hosts/db-1')).status).toBe(200);

    const known = await p.json<HostTokenList>('/api/host-tokens');
    expect(known.tokens.map(({ name, host }) => [name, host])).toEqual([
      ['otel', null],
      ['web-1', 'web-1'],
    ]);
    expect((await p.ask(`/api/host-tokens/${collector.tokenId}`, { method: 'DELETE' })).status).toBe(204);
    expect((await push(encoded(list), {}, collector.token)).status).toBe(401);
    expect((await p.ask(`/api/host-tokens/${collector.tokenId}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('is garbage, with a reason in the words of OTLP', async () => {
    const body = encoded(healthy('a.service'));
    const json = { 'content-type': 'application/json' };
    for (const [status, answer] of [
      [400, await push(Buffer.alloc(50, 0xff))],
      [400, await push(body.subarray(0, body.length - 3))],
      [400, await push('{"resourceMetrics":7}', json)],
      [400, await push('[', json)],
      [400, await push(body, { 'content-encoding': 'gzip' })],
      [415, await push(body, { 'content-type': 'text/plain' })],
      [415, await push(body, { 'content-encoding': 'br' })],
      [413, await push(gzipSync(Buffer.alloc(33 * 1024 * 1024)), { 'content-encoding': 'gzip' })],
      [413, await push(Buffer.alloc(9 * 1024 * 1024))],
    ] as const) {
      expect(answer.status).toBe(status);
      const type = answer.headers.get('content-type') ?? '';
      if (type.includes('json')) expect(await answer.json()).toMatchObject({ message: expect.any(String) });
      else expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(4);
    }
    expect((await push(new Uint8Array())).status).toBe(200);
    expect((await p.ask('/api/hosts/web-1')).status).toBe(404);
  });

  it('are impossible values and names, and units without end', async () => {
    const odd = (unit: string, value: number) => samples(unit, { systemd_unit_restart_count_total: value });
    const list = [
      ...healthy('good.service'),
      ...odd('a.service', -1),
      ...odd('b.service', 1.5),
      ...odd('c.service', Number.NaN),
      ...odd('d.service', 1e300),
      ...odd('no name at all', 1),
      ...odd('__proto__', 1),
      ...Array.from({ length: 2100 }, (_, n) => healthy(`u${n}.service`)).flat(),
    ];
    const response = await push(encoded(list));
    expect(response.status).toBe(200);
    const message = Buffer.from(await response.arrayBuffer()).toString();
    expect(message).toContain('a value of systemd_unit_restart_count_total is impossible');
    expect(message).toContain('a host may have 2000 units at most');
    expect((await p.json<HostDetail>('/api/hosts/web-1')).rows).toHaveLength(2000);
  });

  it('is never a reason to fail', async () => {
    const good = encoded(healthy('a.service'));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.nat(good.length), async (noise, at) => {
        const body = Uint8Array.from([...good.subarray(0, at), ...noise, ...good.subarray(at)]);
        expect([200, 400]).toContain((await push(body)).status);
      }),
      { numRuns: 60 },
    );
    await fc.assert(
      fc.asyncProperty(fc.json(), async (body) => {
        expect([200, 400]).toContain((await push(body, { 'content-type': 'application/json' })).status);
      }),
      { numRuns: 60 },
    );
  });
});

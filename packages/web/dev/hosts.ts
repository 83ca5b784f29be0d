import type { HostDetail, HostList, UnitDetail, UnitRow, UnitSeries } from '@kiln/protocol/hosts.ts';

const HOST = 'forge-1.example';
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

function row(unit: string, more: Partial<UnitRow> = {}): UnitRow {
  return {
    host: HOST,
    unit,
    allowlisted: true,
    masked: false,
    state: 'ok',
    subState: 'running',
    since: ago(90_000),
    restarts24h: 0,
    lastFailure: null,
    timer: null,
    strip: 'o'.repeat(96),
    ...more,
  };
}

function rows(): UnitRow[] {
  const failed = { at: ago(400), exitKind: 'exited', exitStatus: 7, result: 'exit-code' } as const;
  const killed = { at: ago(7000), exitKind: 'signal', exitStatus: 9, result: 'oom-kill' } as const;
  return [
    row('k3s.service', {
      state: 'failed',
      subState: 'failed',
      since: ago(400),
      lastFailure: failed,
      strip: `${'o'.repeat(94)}ff`,
    }),
    row('backup.timer', {
      state: 'stale',
      subState: 'waiting',
      since: ago(5000),
      timer: { lastTriggerAt: ago(90_000), nextElapseAt: null, intervalSeconds: 3600, verdict: 'overdue' },
      strip: `${'o'.repeat(90)}ssssss`,
    }),
    row('kiln-agent.service'),
    row('kiln-server.service', {
      restarts24h: 3,
      lastFailure: killed,
      strip: `${'u'.repeat(30)}${'o'.repeat(57)}rr${'o'.repeat(7)}`,
    }),
    row('odd.service', { state: 'failed', subState: 'failed', allowlisted: false, lastFailure: failed }),
  ];
}

function summary() {
  return {
    host: HOST,
    health: 'trouble',
    lastHeartbeatAt: ago(12),
    tickSeconds: 30,
    clockOffsetSeconds: null,
    bootAt: ago(400_000),
    units: { ok: 2, inactive: 0, restarting: 0, stale: 1, failed: 1, missing: 0 },
    others: 1,
    restarts24h: 3,
    massRestarts: [],
  } as const satisfies Omit<HostDetail, 'rows' | 'now' | 'events' | 'metricsStore'>;
}

/** The hosts of the fixture: one, or none. */
export function hostList(some: boolean): HostList {
  return { now: ago(0), hosts: some ? [{ ...summary(), massRestarts: [], rows: rows() }] : [] };
}

/** Its one host. */
export function hostDetail(): HostDetail {
  return { ...summary(), massRestarts: [], now: ago(0), rows: rows(), events: [], metricsStore: false };
}

/** A unit of it. */
export function unitDetail(unit: string): UnitDetail {
  return {
    ...(rows().find((known) => known.unit === unit) ?? row(unit)),
    now: ago(0),
    lastHeartbeatAt: ago(12),
    silent: false,
    memoryBytes: 84_000_000,
    cpuSeconds: 93,
    tasks: 12,
    lastExit: { kind: 'exited', status: 7, result: 'exit-code' },
    events: [],
    nextBefore: null,
    metricsStore: false,
  };
}

/** A chart that goes up and down. */
export function unitSeries(name: string | null): UnitSeries {
  const points = Array.from({ length: 120 }, (_, n): [number, number] => [
    Date.now() / 1000 - 3600 + n * 30,
    (1 + Math.sin(n / 9)) * (name === 'memory' ? 4e7 : 0.2),
  ]);
  const known = name === 'cpu' || name === 'restarts' ? name : 'memory';
  return { name: known, source: 'kiln', from: ago(3600), to: ago(0), stepSeconds: 30, points };
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRules } from '../support/alert-rules.ts';
import { filled, panelQueries, variableQuery } from '../support/dashboard-queries.ts';
import { debian13 } from '../support/debian13.ts';
import { type MetricsStore, type Row, startPrometheus, startVictoriaMetrics } from '../support/metrics-stores.ts';
import { fillStore, type HostHistory, type UnitAt } from '../support/unit-history.ts';

/*
 * The alerts' expressions and the dashboard's queries, asked of a real VictoriaMetrics and a real Prometheus that were filled
 * over OTLP by the heartbeat's own encoder with half an hour of a host on which much goes wrong at its end.
 */
const debian = await debian13('victoria-metrics', 'prometheus');
const TICKS = 60;

/** The unit changes at this tick; 2 minutes before the end. */
const CHANGE = 56;
const flip = (subState: string, now: UnitAt, ends: boolean) => (tick: number) =>
  tick < CHANGE ? {} : { ...now, subState, ...(ends && tick === CHANGE ? { ends: 'running' } : {}) };
const restarted = (times: number) => (tick: number) => ({ restarts: Math.max(0, Math.min(times, tick - 53)) });
const startedAgain = (tick: number) => ({ starts: tick < CHANGE ? 1 : 2 });

const BUILDER: HostHistory = {
  host: 'build-1',
  units: {
    'web.service': () => ({}),
    'looping.service': restarted(4),
    'thrice.service': restarted(3),
    'flipping.service': flip('failed', { failed: true, lastFailure: 1_700_000_000 }, true),
    'lost.service': flip('failed', { failed: true }, false),
    'stopped.service': flip('dead', { active: false }, true),
    'other.service': (tick) => (tick < CHANGE ? null : { subState: 'failed', failed: true, allowlisted: false }),
    'gone.service': () => ({ subState: 'not-found', active: false, missing: true }),
    'healthy.timer': (_, at) => ({ timer: { verdict: 0, lastTrigger: at - 10, interval: 30, nextElapse: at + 20 } }),
    'stale.timer': (tick, at) => ({
      subState: 'dead',
      active: false,
      timer: { verdict: 2, lastTrigger: at - tick * 30, interval: 60 },
    }),
    'failing.timer': (_, at) => ({ timer: { verdict: 6, lastTrigger: at - 10, interval: 30, nextElapse: at + 20 } }),
    'failing.service': () => ({ subState: 'failed', failed: true }),
    ...Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [`${name}.service`, startedAgain])),
  },
};
const SILENT: HostHistory = { host: 'build-2', sent: TICKS - 6, units: { 'web.service': () => ({}) } };

describe.skipIf(typeof debian === 'string').each(['VictoriaMetrics', 'Prometheus'] as const)('%s', (kind) => {
  let store: MetricsStore;
  beforeAll(async () => {
    if (typeof debian === 'string') return;
    store = await (kind === 'VictoriaMetrics' ? startVictoriaMetrics(debian) : startPrometheus(debian));
    await fillStore(store, [BUILDER, SILENT], TICKS);
  });
  afterAll(async () => await store?.stop());

  test('every alert sees exactly what is wrong, in one row for each', async () => {
    const seen: Record<string, string[]> = {};
    for (const { alert, labels, expr } of await readRules()) {
      const rows = await store.query(expr);
      seen[`${alert} ${labels.severity}`] = rows.map(({ labels: { host, unit } }) => unit ?? host ?? '').sort();
    }
    expect(seen).toEqual({
      'SystemdRestartLoop critical': ['looping.service'],
      'SystemdUnitFailed critical': ['flipping.service', 'lost.service'],
      'SystemdUnitFailed warning': ['other.service'],
      'SystemdUnitMissing critical': ['gone.service'],
      'SystemdUnitDown warning': ['stopped.service'],
      'SystemdTimerStale critical': ['stale.timer'],
      'SystemdTimerRunFailed warning': ['failing.timer'],
      'SystemdMassRestart warning': ['build-1'],
      'SystemdHeartbeatMissing critical': ['build-2'],
      'SystemdSlowRestarts warning': [],
      'SystemdHostGone warning': [],
    });
  });

  test('a change of sub_state leaves one live series; where its end was lost, two, of which the dashboard shows the newest', async () => {
    const series = async (unit: string) => states(await store.query(`systemd_unit_active{unit="${unit}"}`));
    expect(await series('flipping.service')).toEqual(['failed 0']);
    expect(await series('lost.service')).toEqual(['failed 0', 'running 1']);
    const [lastState] = panelQueries('Last state');
    for (const unit of ['flipping.service', 'lost.service']) {
      expect(states(await store.query(filled(lastState?.expr, unit)))).toEqual(['failed 0']);
    }
  });

  test('every query of the dashboard has an answer', async () => {
    for (const { title, expr } of panelQueries()) {
      const rows = await store.query(filled(expr));
      expect(rows.length, `${title}: ${expr}`).toBeGreaterThan(0);
      for (const { value } of rows) expect(value, title).not.toBeNaN();
      const pairs = rows.map(({ labels: { host, unit } }) => `${host} ${unit}`);
      expect(new Set(pairs).size, `${title} has a row twice`).toBe(rows.length);
    }
  });

  test('the dashboard counts right: units, restarts, the burst', async () => {
    const value = async (title: string) => (await store.query(filled(panelQueries(title)[0]?.expr)))[0]?.value;
    expect(await value('Failed')).toBe(4);
    expect(await value('Missing')).toBe(1);
    expect(await value('Restarts in this time')).toBe(7);
    expect(await value('Silent hosts')).toBe(1);
    expect(await value('Units that were started again, at the same time')).toBe(5);
  });

  test('it has a row for each unit of the list and none for others', async () => {
    const rows = async (name: string) =>
      (await store.query(filled(variableQuery(name)))).map(({ labels }) => labels[name]).sort();
    expect(await rows('host')).toEqual(['build-1', 'build-2']);
    expect(await rows('unit')).toEqual(
      Object.keys(BUILDER.units)
        .filter((unit) => unit !== 'other.service')
        .sort(),
    );
  });
});

function states(rows: Row[]): string[] {
  return rows.map(({ labels, value }) => `${labels.sub_state} ${value}`).sort();
}

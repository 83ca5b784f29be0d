import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../database.ts';
import { readDailyReport } from '../reads/daily-report.ts';
import { readHostMoment } from '../reads/host-moment.ts';
import { readUnit } from '../reads/host-unit.ts';
import { readHost, readHosts } from '../reads/hosts.ts';
import { readProblems } from '../reads/problems.ts';
import { testDatabase } from '../testing.ts';
import type { Figures, HostReading, UnitReading } from './reading.ts';
import { recordReading } from './record.ts';
import { sweepHosts } from './sweep.ts';

let db: Database;
let drop: () => Promise<void>;
beforeAll(async () => {
  ({ db, drop } = await testDatabase());
});
afterAll(async () => await drop());
beforeEach(async () => void (await db`DELETE FROM hosts`));

const TICK = 30_000;
const BOOT = Date.now() / 1000 - 86_400 * 3;

function running(more: Figures = {}): UnitReading {
  return { sub: 'running', active: 1, restarts: 0, starts: 1, allowlisted: 1, failed: 0, ...more };
}

function failed(more: Figures = {}): UnitReading {
  return {
    sub: 'failed',
    active: 0,
    restarts: 0,
    allowlisted: 1,
    failed: 1,
    exitKind: 1,
    exitStatus: 7,
    result: 1,
    ...more,
  };
}

/** A host that tells of itself at each tick; the last one was just now when it told `ticks` times. */
function heartbeats(host: string, ticks: number) {
  let at = Date.now() - ticks * TICK;
  return async (units: Record<string, UnitReading>, more: Figures = {}) => {
    at += TICK;
    const reading: HostReading = { host: { bootAt: BOOT, ...more }, units };
    return await recordReading(db, host, new Date(at), reading, new Date(at));
  };
}

const count = async (table: string) => (await db<{ n: number }[]>`SELECT count(*) AS n FROM ${db(table)}`)[0]?.n;

describe('a host that sends heartbeats', () => {
  it('writes one row a tick while nothing happens', async () => {
    const beat = heartbeats('web-1', 5);
    expect(await beat({ 'a.service': running(), 'b.service': running() })).toEqual({ outcome: 'kept', changed: true });
    const before = [await count('host_unit_events'), await count('host_events')];
    const [row] = await db<{ xmin: string }[]>`SELECT xmin::text FROM host_units WHERE unit = 'a.service'`;
    for (let n = 1; n <= 3; n += 1) {
      const told = await beat({ 'a.service': running({ sinceActive: n * 30, memory: n }), 'b.service': running() });
      expect(told).toEqual({ outcome: 'kept', changed: false });
    }
    expect([await count('host_unit_events'), await count('host_events')]).toEqual(before);
    expect(await db`SELECT xmin::text FROM host_units WHERE unit = 'a.service'`).toEqual([row]);
    expect(await count('host_readings')).toBe(4);
  });

  it('counts restarts, also over a counter that began anew, and says how the unit failed', async () => {
    const beat = heartbeats('web-1', 6);
    await beat({ 'a.service': running({ restarts: 4 }) });
    await beat({ 'a.service': running({ restarts: 6, exitKind: 2, exitStatus: 9, result: 2 }) });
    await beat({ 'a.service': running({ restarts: 1, exitKind: 1, exitStatus: 3, result: 1 }) });
    const failedAt = Date.now() / 1000 - 65;
    await beat({ 'a.service': failed({ restarts: 1, failedAt }) });
    const unit = await readUnit(db, 'web-1', 'a.service', null);
    expect(unit).toMatchObject({ state: 'failed', restarts24h: 3 });
    expect(unit?.lastFailure).toMatchObject({ exitKind: 'exited', exitStatus: 7, result: 'exit-code' });
    expect(Date.parse(unit?.lastFailure?.at ?? '') / 1000).toBeCloseTo(failedAt, 1);
    expect(unit?.events.map(({ kind, count, exitKind }) => [kind, count, exitKind])).toEqual([
      ['state', 1, 'exited'],
      ['failure', 1, 'exited'],
      ['restart', 1, 'exited'],
      ['restart', 2, 'signal'],
      ['seen', 1, 'none'],
    ]);
  });

  it('takes the same reading twice, an older one, and one in pieces, for what they are', async () => {
    const at = new Date(Date.now() - 60_000);
    const whole: HostReading = { host: { bootAt: BOOT }, units: { 'a.service': running(), 'b.service': running() } };
    await recordReading(db, 'web-1', at, whole);
    const next = new Date(at.getTime() + TICK);
    const crashed = { 'a.service': running({ restarts: 2 }) };
    await recordReading(db, 'web-1', next, { host: {}, units: crashed });
    await recordReading(db, 'web-1', next, { host: {}, units: { 'b.service': running({ restarts: 1 }) } });
    expect(await recordReading(db, 'web-1', next, { host: {}, units: crashed })).toEqual({
      outcome: 'kept',
      changed: false,
    });
    expect(await recordReading(db, 'web-1', at, whole)).toEqual({ outcome: 'late', changed: false });
    const host = await readHost(db, 'web-1');
    expect(host?.restarts24h).toBe(3);
    expect(host?.rows.map(({ unit }) => unit)).toEqual(['a.service', 'b.service']);
  });

  it('is one host however many readings of it come at once', async () => {
    const at = Date.now() - 20 * 1000;
    const told = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        recordReading(db, 'web-1', new Date(at + n * 1000), {
          host: {},
          units: { 'a.service': running({ restarts: n }) },
        }),
      ),
    );
    expect(told.every(({ outcome }) => outcome === 'kept' || outcome === 'late')).toBe(true);
    const unit = await readUnit(db, 'web-1', 'a.service', null);
    const first = unit?.events.filter(({ kind }) => kind === 'seen');
    expect(first).toHaveLength(1);
    expect((unit?.restarts24h ?? 0) <= 9).toBe(true);
  });

  it('forgets a unit that is told of no longer, and keeps its history', async () => {
    const beat = heartbeats('web-1', 4);
    await beat({ 'a.service': running(), 'odd.service': failed({ allowlisted: 0 }) });
    expect((await readHosts(db, 10)).hosts[0]).toMatchObject({
      others: 1,
      units: { failed: 0, ok: 1 },
    });
    await beat({ 'a.service': running(), 'odd.service': { sub: 'dead', active: 0, failed: 0, allowlisted: 0 } });
    for (let n = 0; n < 2; n += 1) await beat({ 'a.service': running() });
    expect((await readHosts(db, 10)).hosts[0]).toMatchObject({ health: 'ok', others: 0 });
    expect(await readUnit(db, 'web-1', 'odd.service', null)).toBeNull();
    expect(await db`SELECT kind FROM host_unit_events WHERE unit = 'odd.service' ORDER BY event_id`).toEqual(
      ['seen', 'state', 'gone'].map((kind) => ({ kind })),
    );
  });
});

describe('what stands out', () => {
  const many = (more: (n: number) => Figures) =>
    Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`u${n}.service`, running(more(n))]));

  it('is a restart of many units within a minute, as one event', async () => {
    const beat = heartbeats('web-1', 6);
    await beat(many(() => ({ starts: 1 })));
    await beat(many((n) => ({ starts: n < 3 ? 2 : 1 })));
    await beat(many(() => ({ starts: 2 })));
    await beat(many(() => ({ starts: 2 })));
    const host = await readHost(db, 'web-1');
    expect(host?.massRestarts).toHaveLength(1);
    expect(host?.massRestarts[0]?.units).toHaveLength(6);
    expect(host?.restarts24h).toBe(0);
  });

  it('is no boot', async () => {
    const beat = heartbeats('web-1', 6);
    await beat(many(() => ({ restarts: 3, starts: 9 })));
    const bootAt = Date.now() / 1000 - 125;
    await beat(
      many(() => ({ restarts: 1, starts: 10 })),
      { bootAt },
    );
    await beat(
      many(() => ({ restarts: 2, starts: 11 })),
      { bootAt },
    );
    const host = await readHost(db, 'web-1');
    expect(host?.massRestarts).toEqual([]);
    expect(host?.events.map(({ kind }) => kind)).toEqual(['boot']);
  });

  it('are failed units and silent hosts, also among the problems of the farm', async () => {
    const web = heartbeats('web-1', 2);
    await web({ 'a.service': failed(), 'b.timer': { sub: 'elapsed', active: 0, verdict: 5, allowlisted: 1 } });
    await web({ 'a.service': failed(), 'b.timer': { sub: 'elapsed', active: 0, verdict: 5, allowlisted: 1 } });
    const old = new Date(Date.now() - 600_000);
    await recordReading(db, 'db-1', old, { host: {}, units: { 'c.service': failed() } }, old);
    const messages = (await readProblems(db)).map(({ message, href }) => `${href} ${message}`);
    expect(messages).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^\/hosts\/db-1 no heartbeat from db-1 since \d{4}-\d\d-\d\d \d\d:\d\d UTC$/),
        '/hosts/web-1/units/a.service a.service on web-1 failed: exit 7',
        '/hosts/web-1/units/b.timer b.timer on web-1 is overdue',
      ]),
    );
    expect(messages.join()).not.toContain('c.service');
    expect((await readHosts(db, 0)).hosts.map(({ host, health }) => [host, health])).toEqual([
      ['db-1', 'silent'],
      ['web-1', 'trouble'],
    ]);
  });
});

describe('the history', () => {
  it('says what the units and their memory were at a moment', async () => {
    const then = new Date(Date.now() - 2 * TICK + 5000);
    const beat = heartbeats('web-1', 4);
    await beat({ 'a.service': running({ memory: 100 }) });
    await beat({ 'a.service': running({ memory: 900, restarts: 1, exitKind: 2, exitStatus: 9, result: 7 }) });
    await beat({ 'a.service': failed() });
    const moment = await readHostMoment(db, 'web-1', then);
    expect(moment).toMatchObject({
      source: 'reading',
      units: [{ unit: 'a.service', state: 'ok', memoryBytes: 900 }],
    });
    expect(moment?.around.map(({ kind, result }) => [kind, result])).toContainEqual(['restart', 'oom-kill']);
    await db`DELETE FROM host_readings`;
    const known = await readHostMoment(db, 'web-1', then);
    expect(known).toMatchObject({
      source: 'transitions',
      units: [{ unit: 'a.service', state: 'ok', memoryBytes: null }],
    });
    expect(await readHostMoment(db, 'no-such-host', then)).toBeNull();
  });

  it('draws the last day, with what is not known as such', async () => {
    const day = Date.now() - 86_400_000;
    const at = (hours: number) => new Date(day + hours * 3_600_000);
    const tell = async (hours: number, unit: UnitReading) =>
      await recordReading(db, 'web-1', at(hours), { host: {}, units: { 'a.service': unit } }, at(hours));
    await tell(4, running());
    await tell(4.01, running({ restarts: 2, exitKind: 1, exitStatus: 1 }));
    await tell(8, failed({ restarts: 2 }));
    await tell(8.01, running({ restarts: 2 }));
    await tell(24, running({ restarts: 2 }));
    const strip = (await readUnit(db, 'web-1', 'a.service', null))?.strip ?? '';
    expect(strip).toHaveLength(96);
    expect(strip).toMatch(/^u{15,16}o?r{1,2}u{13,15}f{1,2}u+o$/);
    expect(strip.at(-1)).toBe('o');
  });

  it('is summed up for a day, and a quiet day says so', async () => {
    const day = async () => await readDailyReport(db, new Date(Date.now() - 86_400_000), new Date());
    expect(await day()).toMatchObject({ quiet: true, units: [], hosts: 0 });
    const beat = heartbeats('web-1', 2);
    await beat({
      'a.service': running(),
      'b.timer': { sub: 'waiting', active: 1, verdict: 0 },
      'c.service': running(),
    });
    expect(await day()).toMatchObject({ quiet: true, hosts: 1 });
    await beat({
      'a.service': running({ restarts: 3 }),
      'b.timer': { sub: 'waiting', active: 0, verdict: 5 },
      'c.service': failed(),
    });
    const report = await day();
    expect(report.quiet).toBe(false);
    expect(
      report.units.map(({ unit, failures, restarts, stale, state }) => [unit, failures, restarts, stale, state]),
    ).toEqual([
      ['c.service', 1, 0, 0, 'failed'],
      ['a.service', 0, 3, 0, 'ok'],
      ['b.timer', 0, 0, 1, 'stale'],
    ]);
  });

  it('is kept for 30 days', async () => {
    const beat = heartbeats('web-1', 2);
    await beat({ 'a.service': running() });
    await db`UPDATE host_unit_events SET at = now() - interval '31 days'`;
    expect(await sweepHosts(db)).toBe(1);
    expect(await sweepHosts(db)).toBe(0);
  });
});

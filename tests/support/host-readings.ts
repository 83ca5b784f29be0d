import type { Database } from '@kiln/store/database.ts';
import type { Figures, UnitReading } from '@kiln/store/hosts/reading.ts';
import { recordReading } from '@kiln/store/hosts/record.ts';

/** What a heartbeat of a host said, so many seconds ago. */
export async function tellHost(
  db: Database,
  host: string,
  secondsAgo: number,
  units: Record<string, UnitReading>,
  more: Figures = {},
): Promise<void> {
  const at = new Date(Date.now() - secondsAgo * 1000);
  await recordReading(db, host, at, { host: more, units }, at);
}

/** A unit that runs. */
export function running(more: Figures = {}): UnitReading {
  return { sub: 'running', active: 1, failed: 0, restarts: 0, starts: 1, allowlisted: 1, memory: 84_000_000, ...more };
}

/** A unit that failed with exit status 7. */
export function failed(more: Figures = {}): UnitReading {
  return {
    sub: 'failed',
    active: 0,
    failed: 1,
    restarts: 0,
    allowlisted: 1,
    exitKind: 1,
    exitStatus: 7,
    result: 1,
    failedAt: Date.now() / 1000 - 5,
    ...more,
  };
}

/** A timer that fired an hour ago and fires again in an hour. */
export function timer(more: Figures = {}): UnitReading {
  const now = Date.now() / 1000;
  return {
    sub: 'waiting',
    active: 1,
    verdict: 0,
    lastTrigger: now - 3600,
    nextElapse: now + 3600,
    interval: 7200,
    ...more,
  };
}

/** Tells of a day on one host: crashes, an outage, a restart of many units at once, and at last some trouble. */
export async function tellOfADay(db: Database, host: string): Promise<void> {
  const boot = { bootAt: Date.now() / 1000 - 12 * 86_400 };
  const names = ['kiln-server.service', 'kiln-agent.service', 'nginx.service', 'k3s.service', 'repo-recall.service'];
  const all = (more: Record<string, UnitReading> = {}, figures: Figures = {}) => ({
    ...Object.fromEntries(names.map((name) => [name, running(figures)])),
    'backup.timer': timer(),
    'logrotate.timer': timer(),
    ...more,
  });
  await tellHost(db, host, 86_000, all(), boot);
  for (let hours = 23; hours > 15; hours -= 0.25) await tellHost(db, host, hours * 3600, all(), boot);
  const killed = { restarts: 4, exitKind: 2, exitStatus: 9, result: 7, memory: 2_100_000_000 };
  await tellHost(db, host, 8 * 3600, all({ 'kiln-agent.service': running(killed) }), boot);
  await tellHost(
    db,
    host,
    4 * 3600,
    all({ 'kiln-agent.service': running({ restarts: 4, starts: 2 }) }, { starts: 2 }),
    boot,
  );
  const after = { 'kiln-agent.service': running({ restarts: 4, starts: 2 }) };
  for (let minutes = 118; minutes > 2; minutes -= 2) {
    const memory = 84_000_000 + Math.round(4e7 * Math.sin(minutes / 9));
    await tellHost(db, host, minutes * 60, all(after, { starts: 2, memory, cpu: (120 - minutes) * 7 }), boot);
  }
  // The readings above are hours apart only to be few.
  await db`DELETE FROM host_events WHERE host = ${host} AND kind = 'silence'`;
  const last = {
    ...after,
    'k3s.service': failed(),
    'backup.timer': timer({ verdict: 5, nextElapse: 0, active: 0 }),
    'gone.service': { sub: 'dead', active: 0, missing: 1, allowlisted: 1 },
    'odd.service': failed({ allowlisted: 0, exitKind: 3, exitStatus: 11 }),
  };
  await tellHost(db, host, 30, all(last, { starts: 2 }), boot);
  await tellHost(db, host, 1, all(last, { starts: 2 }), boot);
}

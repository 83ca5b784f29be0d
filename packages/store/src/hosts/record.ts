import type { Database, Transaction } from '../database.ts';
import { lockInTransaction } from '../locks.ts';
import { changesOf, goneEvent, type KnownUnit, type NewUnitEvent, type UnitChange } from './changes.ts';
import { noteMassRestart } from './mass-restart.ts';
import { type HostReading, momentOf } from './reading.ts';
import { type Newest, nextTick, RING_SLOTS, silenceMs } from './ring.ts';
import { readKnownUnits, writeEvents, writeUnits } from './units.ts';

/** What happens to units so soon after their host started is part of that. */
const BOOT_MS = 120_000;
/** The kernel's word for when it started moves when the clock is set. */
const SAME_BOOT_MS = 60_000;
/** Hosts beyond this are refused, so that a token can't fill the database with names. */
export const MOST_HOSTS = 1000;

/** What became of a reading. `late`: a newer one is there already. `changed`: something about a unit or the host is news. */
export type Recorded = { outcome: 'kept' | 'late' | 'too-many-hosts'; changed: boolean };

/**
 * Takes in one reading of a host: what changed becomes rows, and the newest readings are kept in a ring. Readings of one host take
 * turns; the same reading again changes nothing, and pieces of one reading, with the same time, add up. `takenAt` is by the
 * host's clock.
 */
export async function recordReading(
  db: Database,
  host: string,
  takenAt: Date,
  reading: HostReading,
  now = new Date(),
): Promise<Recorded> {
  const at = takenAt > now ? now : takenAt;
  return await db.begin(async (sql) => {
    await lockInTransaction(sql, 'host', [host]);
    const newest = await readNewest(sql, host);
    if (newest === null && !(await enrol(sql, host))) return { outcome: 'too-many-hosts', changed: false };
    const isPiece = newest !== null && newest.takenAt.getTime() === takenAt.getTime();
    if (newest !== null && !isPiece && at <= newest.at) return { outcome: 'late', changed: false };
    const whole = isPiece ? await joined(sql, host, newest, reading) : reading;
    const known = await readKnownUnits(sql, host);
    const booted = await noteBoot(sql, host, whole);
    const atBoot = booted !== null && at.getTime() - booted.bootAt.getTime() < BOOT_MS;
    const silent = newest !== null && !isPiece && (await noteSilence(sql, host, newest, now));
    await keepReading(sql, { host, at, takenAt, now, newest, isPiece, reading: whole });

    const changes = Object.entries(reading.units)
      .map(([unit, figures]) => changesOf(unit, figures, known.get(unit) ?? null, at))
      .filter(({ changed }) => changed);
    const before = isPiece ? null : newest;
    const gone = before === null ? [] : await goneUnits(sql, host, before, known, reading);
    if (before !== null) await noteMemory(sql, host, before, changes);
    await apply(sql, host, { changes, gone, at, atBoot, units: Object.keys(whole.units).length });
    return { outcome: 'kept', changed: changes.length > 0 || gone.length > 0 || silent || booted?.isNew === true };
  });
}

async function readNewest(sql: Transaction, host: string): Promise<Newest | null> {
  const [row] = await sql<Newest[]>`
    SELECT slot, at, taken_at, received_at, tick_seconds FROM host_readings
    WHERE host = ${host} ORDER BY at DESC LIMIT 1`;
  return row ?? null;
}

async function enrol(sql: Transaction, host: string): Promise<boolean> {
  const added = await sql`
    INSERT INTO hosts (host) SELECT ${host} WHERE (SELECT count(*) FROM hosts) < ${MOST_HOSTS}
      OR EXISTS (SELECT 1 FROM hosts WHERE host = ${host})
    ON CONFLICT (host) DO UPDATE SET host = excluded.host`;
  return added.count > 0;
}

async function joined(sql: Transaction, host: string, newest: Newest, piece: HostReading): Promise<HostReading> {
  const [row] = await sql<{ reading: HostReading }[]>`
    SELECT reading FROM host_readings WHERE host = ${host} AND slot = ${newest.slot}`;
  if (!row) return piece;
  return { host: { ...row.reading.host, ...piece.host }, units: { ...row.reading.units, ...piece.units } };
}

/** Takes over when the host started. Null when it does not say. */
async function noteBoot(sql: Transaction, host: string, reading: HostReading) {
  const bootAt = momentOf(reading.host.bootAt);
  if (bootAt === null) return null;
  const [row] = await sql<{ bootAt: Date | null }[]>`SELECT boot_at FROM hosts WHERE host = ${host}`;
  const before = row?.bootAt ?? null;
  const isNew = before === null || bootAt.getTime() - before.getTime() > SAME_BOOT_MS;
  if (isNew) await sql`UPDATE hosts SET boot_at = ${bootAt} WHERE host = ${host}`;
  if (isNew && before !== null) {
    await sql`INSERT INTO host_events (host, at, kind) VALUES (${host}, ${bootAt}, 'boot')`;
  }
  return { bootAt: isNew ? bootAt : (before ?? bootAt), isNew };
}

/** Writes down that no heartbeat came for a while, now that one has. */
async function noteSilence(sql: Transaction, host: string, newest: Newest, now: Date): Promise<boolean> {
  if (now.getTime() - newest.receivedAt.getTime() <= silenceMs(newest.tickSeconds)) return false;
  await sql`
    INSERT INTO host_events (host, at, until, kind) VALUES (${host}, ${newest.receivedAt}, ${now}, 'silence')`;
  return true;
}

interface Kept {
  host: string;
  at: Date;
  takenAt: Date;
  now: Date;
  newest: Newest | null;
  isPiece: boolean;
  reading: HostReading;
}

async function keepReading(sql: Transaction, { host, at, takenAt, now, newest, isPiece, reading }: Kept) {
  const value = JSON.stringify(reading);
  if (isPiece && newest) {
    await sql`
      UPDATE host_readings SET reading = ${value}::text::jsonb, received_at = ${now} WHERE host = ${host} AND slot = ${newest.slot}`;
    return;
  }
  const slot = newest === null ? 0 : (newest.slot + 1) % RING_SLOTS;
  await sql`
    INSERT INTO host_readings (host, slot, at, taken_at, received_at, tick_seconds, reading)
    VALUES (${host}, ${slot}, ${at}, ${takenAt}, ${now}, ${nextTick(newest, now)}, ${value}::text::jsonb)
    ON CONFLICT (host, slot) DO UPDATE SET at = excluded.at, taken_at = excluded.taken_at,
      received_at = excluded.received_at, tick_seconds = excluded.tick_seconds, reading = excluded.reading`;
}

/** Units that neither this reading nor the whole of the one before it told of. */
async function goneUnits(
  sql: Transaction,
  host: string,
  newest: Newest,
  known: ReadonlyMap<string, KnownUnit>,
  reading: HostReading,
): Promise<KnownUnit[]> {
  const absent = [...known.values()].filter(({ unit }) => !Object.hasOwn(reading.units, unit));
  if (absent.length === 0) return [];
  const rows = await sql<{ unit: string }[]>`
    SELECT jsonb_object_keys(reading->'units') AS unit FROM host_readings WHERE host = ${host} AND slot = ${newest.slot}`;
  const before = new Set(rows.map(({ unit }) => unit));
  return absent.filter(({ unit }) => !before.has(unit));
}

/** Gives what ended the memory that it had in the reading before: in this one it is already that of what was started after it. */
async function noteMemory(sql: Transaction, host: string, before: Newest, changes: UnitChange[]): Promise<void> {
  const ended = changes.flatMap(({ events }) => events).filter(({ kind }) => kind === 'restart' || kind === 'failure');
  if (ended.length === 0) return;
  const rows = await sql<{ unit: string; memory: number | null }[]>`
    SELECT u.key AS unit, (u.value->>'memory')::float8 AS memory
    FROM host_readings r CROSS JOIN LATERAL jsonb_each(r.reading->'units') AS u
    WHERE r.host = ${host} AND r.slot = ${before.slot} AND u.key = ANY (${ended.map(({ unit }) => unit)}::text[])`;
  const memory = new Map(rows.map((row) => [row.unit, row.memory]));
  for (const event of ended) event.memoryBytes = memory.get(event.unit) ?? null;
}

async function apply(
  sql: Transaction,
  host: string,
  news: { changes: UnitChange[]; gone: KnownUnit[]; at: Date; atBoot: boolean; units: number },
): Promise<void> {
  const { changes, gone, at, atBoot } = news;
  const events: NewUnitEvent[] = [
    ...changes.flatMap((change) => change.events),
    ...gone.map((unit) => goneEvent(unit, at)),
  ];
  await writeUnits(
    sql,
    host,
    changes.map(({ row }) => row),
  );
  await writeEvents(sql, host, events, atBoot);
  if (gone.length > 0) {
    await sql`DELETE FROM host_units WHERE host = ${host} AND unit = ANY (${gone.map(({ unit }) => unit)}::text[])`;
  }
  const again = events.some(({ kind }) => kind === 'restart' || kind === 'start');
  if (again && !atBoot) await noteMassRestart(sql, host, at, news.units);
}

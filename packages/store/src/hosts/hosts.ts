import type { Queryable } from '../database.ts';
import type { HostReading } from './reading.ts';
import { silenceMs } from './ring.ts';

/** A host with its newest reading. */
export interface HostNow {
  host: string;
  bootAt: Date | null;
  at: Date;
  takenAt: Date;
  receivedAt: Date;
  tickSeconds: number;
  reading: HostReading;
}

/** The hosts by name, each with its newest reading; one of them when it is named. */
export async function readHostsNow(sql: Queryable, host: string | null = null): Promise<HostNow[]> {
  return await sql<HostNow[]>`
    SELECT h.host, h.boot_at, r.at, r.taken_at, r.received_at, r.tick_seconds, r.reading
    FROM hosts h CROSS JOIN LATERAL (SELECT * FROM host_readings WHERE host = h.host ORDER BY at DESC LIMIT 1) AS r
    ${host === null ? sql`` : sql`WHERE h.host = ${host}`} ORDER BY h.host`;
}

/** Whether a host's next heartbeats have failed to come. */
export function isSilent({ receivedAt, tickSeconds }: Pick<HostNow, 'receivedAt' | 'tickSeconds'>, now: Date): boolean {
  return now.getTime() - receivedAt.getTime() > silenceMs(tickSeconds);
}

/** Forgets a host with all of its history. Returns whether there was one. */
export async function forgetHost(sql: Queryable, host: string): Promise<boolean> {
  return (await sql`DELETE FROM hosts WHERE host = ${host}`).count > 0;
}

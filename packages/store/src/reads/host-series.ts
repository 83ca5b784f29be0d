import type { SeriesName, UnitSeries } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '../database.ts';

interface ReadingRow {
  at: Date;
  memory: number | null;
  cpu: number | null;
  restarts: number | null;
}

/** A chart of a unit from the readings that are kept, of two hours at the most; null where the unit was not told of. */
export async function readUnitSeries(
  sql: Queryable,
  host: string,
  unit: string,
  name: SeriesName,
  from: Date,
): Promise<UnitSeries['points']> {
  const rows = await sql<ReadingRow[]>`
    SELECT at, (u->>'memory')::float8 AS memory, (u->>'cpu')::float8 AS cpu, (u->>'restarts')::float8 AS restarts
    FROM (SELECT at, reading->'units'->${unit} AS u FROM host_readings WHERE host = ${host} AND at >= ${from}) AS r ORDER BY at`;
  return rows.flatMap((row, index): UnitSeries['points'] => {
    const seconds = row.at.getTime() / 1000;
    if (name === 'memory') return [[seconds, row.memory]];
    const before = rows[index - 1];
    if (!before) return [];
    const grown = growth(before[name], row[name]);
    const elapsed = seconds - before.at.getTime() / 1000;
    return [[seconds, grown === null ? null : name === 'cpu' ? grown / elapsed : grown]];
  });
}

/** A counter that is smaller than before began anew. */
function growth(before: number | null, now: number | null): number | null {
  if (before === null || now === null) return null;
  return now >= before ? now - before : now;
}

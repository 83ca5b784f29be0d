import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Queryable } from './database.ts';
import { type Lease, LeaseTable } from './lease.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
  await made.db`
    CREATE TABLE parcels (depot_id text, number int, weight int NOT NULL DEFAULT 1, leased_by text, lease_expires_at timestamptz,
      fence bigint NOT NULL DEFAULT 0, PRIMARY KEY (depot_id, number))`;
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  await made.db`DELETE FROM parcels`;
  await made.db`INSERT INTO parcels (depot_id, number) SELECT 'north', n FROM generate_series(1, 6) AS n`;
});

type ParcelLease = Lease<'depotId' | 'number'>;
const PARCELS = new LeaseTable('parcels', ['depotId', 'number'], 60_000);

async function lease(holder: string, limit = 10, leases = PARCELS): Promise<ParcelLease[]> {
  return await made.db<ParcelLease[]>`
    WITH due AS (
      SELECT depot_id, number FROM parcels p WHERE ${leases.isFree(made.db, 'p')} ORDER BY number LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    )
    ${leases.lease(made.db, holder)} RETURNING leased.depot_id, leased.number, fence`;
}

async function one(holder: string): Promise<ParcelLease> {
  const [leased] = await lease(holder, 1);
  if (!leased) throw new Error(`there was nothing for ${holder}`);
  return leased;
}

/** Writes under a lease, as its holder would. */
async function deliver(sql: Queryable, held: ParcelLease): Promise<boolean> {
  const written = await sql`UPDATE parcels SET weight = 0, ${PARCELS.ended(sql)} WHERE ${PARCELS.isHeld(sql, held)}`;
  return written.count === 1;
}

const timeOver = async () => await made.db`UPDATE parcels SET lease_expires_at = now() WHERE leased_by IS NOT NULL`;
const columns = async ({ number }: ParcelLease) =>
  (await made.db`SELECT weight, leased_by, fence FROM parcels WHERE number = ${number}`)[0];

describe('leasing', () => {
  test('each row is given to one of any number of holders, with a fence', async () => {
    const leased = await Promise.all(['a', 'b', 'c', 'd'].map(async (holder) => await lease(holder, 3)));
    expect(
      leased
        .flat()
        .map(({ number }) => number)
        .sort(),
    ).toEqual([1, 2, 3, 4, 5, 6]);
    expect(leased.flat().every(({ fence, depotId }) => fence === 1 && depotId === 'north')).toBe(true);
    expect(await lease('e')).toEqual([]);
  });

  test('sets what else belongs to it', async () => {
    const also = made.db`weight = weight + 7`;
    const rows = await made.db`
      WITH due AS (SELECT depot_id, number FROM parcels WHERE number = 3 FOR UPDATE)
      ${PARCELS.lease(made.db, 'a', also)} RETURNING weight, leased_by, fence`;
    expect(rows).toEqual([{ weight: 8, leasedBy: 'a', fence: 1 }]);
  });

  test('makes the row when there is none yet, for one of those who ask at once', async () => {
    const first = async (holder: string) =>
      await made.db`
        WITH due AS (SELECT 'south' AS depot_id, 1 AS number)
        ${PARCELS.leaseOrInsert(made.db, holder)} RETURNING leased_by, fence`;
    const rows = (await Promise.all(['a', 'b', 'c'].map(first))).flat();
    expect(rows).toEqual([{ leasedBy: expect.stringMatching(/^[abc]$/), fence: 1 }]);
    await made.db`UPDATE parcels SET lease_expires_at = now()`;
    expect(await first('d')).toEqual([{ leasedBy: 'd', fence: 2 }]);
  });

  test('a row is free again when its time is over or it was given back', async () => {
    const [expired, returned] = await lease('a', 2);
    if (!expired || !returned) throw new Error('two were to be leased');
    await made.db`UPDATE parcels SET lease_expires_at = now() WHERE number = ${expired.number}`;
    const expiredNow = await made.db`SELECT number FROM parcels p WHERE ${PARCELS.isExpired(made.db, 'p')}`;
    expect(expiredNow).toEqual([{ number: expired.number }]);
    await PARCELS.giveBack(made.db, [returned], made.db`weight = leased.weight + 1`);
    expect(await columns(returned)).toEqual({ weight: 2, leasedBy: null, fence: 1 });
    const again = await lease('b');
    expect(again.map(({ number, fence }) => [number, fence]).sort()).toEqual([
      [1, 2],
      [2, 2],
      [3, 1],
      [4, 1],
      [5, 1],
      [6, 1],
    ]);
    const [row] = await made.db<{ until: Date | null }[]>`
      SELECT ${PARCELS.leasedUntil(made.db, 'p')} AS until FROM parcels p WHERE number = 1`;
    expect(row?.until).toBeInstanceOf(Date);
  });
});

describe('a holder that was away for too long', () => {
  test('writes nothing once another took over, and its late renewal is refused', async () => {
    const stale = await one('a');
    await timeOver();
    const fresh = await one('b');
    expect(fresh).toEqual({ ...stale, fence: stale.fence + 1 });
    expect(await PARCELS.renew(made.db, [stale])).toBe(0);
    expect(await deliver(made.db, stale)).toBe(false);
    await PARCELS.giveBack(made.db, [stale]);
    expect(await made.db.begin(async (sql) => await PARCELS.hold(sql, stale))).toBe(false);
    expect(await columns(fresh)).toEqual({ weight: 1, leasedBy: 'b', fence: 2 });
    expect(await deliver(made.db, fresh)).toBe(true);
    expect(await columns(fresh)).toEqual({ weight: 0, leasedBy: null, fence: 2 });
  });

  test('goes on when nobody did, and a lease that ended is no lease', async () => {
    const held = await one('a');
    await timeOver();
    expect(await PARCELS.renew(made.db, [held])).toBe(1);
    expect((await lease('b')).map(({ number }) => number)).not.toContain(held.number);
    expect(await deliver(made.db, held)).toBe(true);
    expect(await deliver(made.db, held)).toBe(false);
    expect(await PARCELS.renew(made.db, [held])).toBe(0);
  });

  test('of a batch only those that are held are written', async () => {
    const [stale, held] = await lease('a', 2);
    if (!stale || !held) throw new Error('two were to be leased');
    await made.db`UPDATE parcels SET lease_expires_at = now() WHERE number = ${stale.number}`;
    await one('b');
    const weighed = [stale, held].map((parcel) => ({ ...parcel, weight: 40 + Number(parcel.number) }));
    const written = await made.db`
      UPDATE parcels p SET weight = given.weight, ${PARCELS.ended(made.db)}
      FROM ${PARCELS.given(made.db, weighed, ['weight'])} WHERE ${PARCELS.isGiven(made.db, 'p')}
      RETURNING p.number, p.weight`;
    expect(written).toEqual([{ number: held.number, weight: 42 }]);
  });
});

test('nobody takes a row while its holder writes about it in a transaction', async () => {
  const held = await one('a');
  await timeOver();
  await made.db.begin(async (sql) => {
    expect(await PARCELS.hold(sql, held)).toBe(true);
    expect((await lease('b')).map(({ number }) => number)).not.toContain(held.number);
    expect(await deliver(sql, held)).toBe(true);
  });
});

test('leases are kept while the work lasts, also when the database did not take a renewal', async () => {
  const brief = new LeaseTable('parcels', ['depotId', 'number'], 200);
  const held = await lease('a', 2, brief);
  const until = async () =>
    await made.db<{ at: Date }[]>`SELECT lease_expires_at AS at FROM parcels WHERE leased_by = 'a' ORDER BY number`;
  const first = await until();
  const troubles: unknown[] = [];
  const result = await brief.keepWhile(
    made.db,
    held,
    async () => {
      await made.db`ALTER TABLE parcels RENAME TO away`;
      await expect.poll(() => troubles.length, { timeout: 20_000 }).toBeGreaterThan(0);
      await made.db`ALTER TABLE away RENAME TO parcels`;
      const renewed = async () => (await until()).filter(({ at }, n) => at > (first[n]?.at ?? at)).length;
      await expect.poll(renewed, { timeout: 20_000 }).toBe(2);
      return 'done';
    },
    (error) => troubles.push(error),
  );
  expect(result).toBe('done');
  expect(troubles[0]).toMatchObject({ code: '42P01' });
});

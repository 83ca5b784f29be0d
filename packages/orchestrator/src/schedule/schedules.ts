import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { BuildPayload } from '@kiln/protocol/events.ts';
import { currentTraceparent, inSpan } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { holdRoster } from '@kiln/store/recipes.ts';
import { advanceSchedule, readSchedules, syncSchedules } from '@kiln/store/schedules.ts';
import type { Roster } from '../recipes/roster.ts';
import { dueTick, type Schedule, schedulesOf } from './cron.ts';

/** The longest sleep, so that a clock that is set, or a laptop that wakes up, is noticed. */
const LOOK_EVERY_MS = 30_000;

/**
 * Turns the ticks of the roster's cron expressions into events, each tick into one, however many orchestrators there are.
 * The last tick is kept in the database: of those that passed while Kiln was down, the latest is made up for. Returns
 * when the table of schedules agrees with the roster.
 */
export async function startSchedules(context: FarmContext, roster: Pick<Roster, 'all' | 'version'>): Promise<void> {
  const { bus, lifecycle } = context;
  let schedules = await sync(context, roster);
  let stale = false;

  const wake = (wakeUp: () => void) =>
    bus.subscribe(SUBJECTS.roster, () => {
      stale = true;
      wakeUp();
    });
  const nextDueMs = () => untilNextTick(schedules);
  lifecycle.loop('schedules', { everyMs: LOOK_EVERY_MS, nextDueMs, wake }, async () => {
    if (stale) {
      // Cleared first: a reload during the sync asks for another one.
      stale = false;
      schedules = await sync(context, roster).catch((error: unknown) => {
        stale = true;
        throw error;
      });
    }
    if (schedules.length > 0) await fireDue(context, schedules);
  });
}

async function sync({ db }: FarmContext, roster: Pick<Roster, 'all' | 'version'>): Promise<Schedule[]> {
  const schedules = roster.all().flatMap(schedulesOf);
  await db.begin(async (sql) => {
    // Of a newer roster this node hears soon, and whoever loaded it has written its schedules down.
    if (await holdRoster(sql, roster.version)) await syncSchedules(sql, schedules, new Date());
  });
  return schedules;
}

async function fireDue(context: FarmContext, schedules: readonly Schedule[]): Promise<void> {
  const now = new Date();
  const byKey = new Map(schedules.map((schedule) => [`${schedule.recipe} ${schedule.expression}`, schedule]));
  for (const row of await readSchedules(context.db)) {
    const schedule = byKey.get(`${row.recipe} ${row.expression}`);
    const tick = schedule ? dueTick(schedule.cron, row.lastTickAt, now) : null;
    if (schedule && tick) await fire(context, schedule, tick);
  }
}

async function fire({ db, bus, log }: FarmContext, { recipe, expression }: Schedule, tick: Date): Promise<void> {
  await inSpan('schedule.tick', { parent: null, attributes: { 'kiln.recipe': recipe } }, async () => {
    const requestId = await db.begin(async (sql) => {
      if (!(await advanceSchedule(sql, { recipe, expression, lastTickAt: tick }))) return null;
      const by = `schedule ${expression}`;
      const payload: BuildPayload = { recipe, version: null, ref: null, commit: null, force: false, by };
      const stored = await insertEvent(sql, {
        source: 'schedule',
        deliveryId: `${recipe}:${expression}:${tick.toISOString()}`,
        name: 'build',
        routingKey: `recipe:${recipe}`,
        payload,
        traceparent: currentTraceparent(),
      });
      return stored.requestId;
    });
    if (requestId === null) return;
    log.info({ recipe, requestId, schedule: expression, tick: tick.toISOString() }, 'schedule is due');
    bus.publish(SUBJECTS.event, {});
  });
}

/** Milliseconds until the next tick of any, or null. */
function untilNextTick(schedules: readonly Schedule[]): number | null {
  const ticks = schedules.flatMap(({ cron }) => cron.nextRun()?.getTime() ?? []);
  return ticks.length === 0 ? null : Math.max(0, Math.min(...ticks) - Date.now());
}

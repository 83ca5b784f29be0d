import type { Queryable, Transaction } from './database.ts';

/** A schedule of a recipe: its expression with its time zone, and the last tick that became an event. */
export interface ScheduleRow {
  recipe: string;
  expression: string;
  lastTickAt: Date;
}

/** Makes the table hold exactly these schedules. A new one counts from now, so that adding it starts nothing. */
export async function syncSchedules(
  sql: Transaction,
  schedules: readonly { recipe: string; expression: string }[],
  now: Date,
): Promise<void> {
  const rows = JSON.stringify(schedules.map(({ recipe, expression }) => ({ recipe, expression })));
  await sql`
    DELETE FROM schedules WHERE (recipe, expression) NOT IN (
      SELECT recipe, expression FROM jsonb_to_recordset(${rows}::text::jsonb) AS s(recipe text, expression text))`;
  await sql`
    INSERT INTO schedules (recipe, expression, last_tick_at)
    SELECT DISTINCT recipe, expression, ${now}::timestamptz FROM jsonb_to_recordset(${rows}::text::jsonb) AS s(recipe text, expression text)
    ON CONFLICT DO NOTHING`;
}

export async function readSchedules(sql: Queryable): Promise<ScheduleRow[]> {
  return await sql<ScheduleRow[]>`SELECT recipe, expression, last_tick_at FROM schedules ORDER BY recipe, expression`;
}

/** Writes down that a tick became an event. False: it, or a later one, was written down before. */
export async function advanceSchedule(
  sql: Queryable,
  { recipe, expression, lastTickAt }: ScheduleRow,
): Promise<boolean> {
  const advanced = await sql`
    UPDATE schedules SET last_tick_at = ${lastTickAt}
    WHERE recipe = ${recipe} AND expression = ${expression} AND last_tick_at < ${lastTickAt}`;
  return advanced.count > 0;
}

import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Database, Queryable } from './database.ts';

/** Replaces the stored roster in one transaction: readers see the old one or the new one, in the order given. */
export async function saveRoster(db: Database, recipes: readonly CompiledRecipe[]): Promise<void> {
  const json = JSON.stringify(recipes.map((compiled, position) => ({ name: compiled.name, position, compiled })));
  await db.begin(async (sql) => {
    // Two orchestrators that reload at once take turns; readers are not held up.
    await sql`LOCK TABLE recipes IN EXCLUSIVE MODE`;
    await sql`DELETE FROM recipes`;
    await sql`
      INSERT INTO recipes (name, position, compiled)
      SELECT name, position, compiled
      FROM jsonb_to_recordset(${json}::text::jsonb) AS r(name text, position integer, compiled jsonb)`;
  });
}

/** The roster as an orchestrator loaded it last, in its order. */
export async function readRoster(sql: Queryable): Promise<CompiledRecipe[]> {
  const rows = await sql<{ compiled: CompiledRecipe }[]>`SELECT compiled FROM recipes ORDER BY position`;
  return rows.map((row) => row.compiled);
}

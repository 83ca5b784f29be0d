import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Database, Queryable, Transaction } from './database.ts';

/** The roster as a whole: its version grows with each change, so that all nodes notice one. Version 0: none was saved yet. */
export interface RosterState {
  version: number;
  /** Host and folder that it was loaded from. */
  source: string;
  /** The orchestrator that saved it. */
  savedBy: string;
}

/** Who saves a roster: an orchestrator in the term that it leads, with what it loaded from `source`. */
export interface RosterAuthor {
  instance: string;
  term: number;
  source: string;
}

/**
 * Replaces the stored roster in one transaction: readers see the old one or the new one, in the order given. Returns the new
 * version, or null, with nothing changed, when the author does not lead in that term any more.
 */
export async function saveRoster(
  db: Database,
  recipes: readonly CompiledRecipe[],
  { instance, term, source }: RosterAuthor,
): Promise<number | null> {
  const json = JSON.stringify(recipes.map((compiled, position) => ({ name: compiled.name, position, compiled })));
  return await db.begin(async (sql) => {
    // Held to the end, so that nobody takes the lead over in between.
    const leads = await sql`SELECT 1 FROM leadership WHERE holder = ${instance} AND term = ${term} FOR SHARE`;
    if (leads.length === 0) return null;
    const [state] = await sql<{ version: number }[]>`
      UPDATE roster SET version = version + 1, source = ${source}, saved_by = ${instance}, saved_at = now()
      RETURNING version`;
    await sql`DELETE FROM recipes`;
    await sql`
      INSERT INTO recipes (name, position, compiled)
      SELECT name, position, compiled
      FROM jsonb_to_recordset(${json}::text::jsonb) AS r(name text, position integer, compiled jsonb)`;
    return state?.version ?? null;
  });
}

/** The stored roster: its recipes in their order, and its version at the same moment. */
export async function readRoster(sql: Queryable): Promise<{ version: number; recipes: CompiledRecipe[] }> {
  const [row] = await sql<{ version: number; recipes: CompiledRecipe[] | null }[]>`
    SELECT version, (SELECT jsonb_agg(compiled ORDER BY position) FROM recipes) AS recipes FROM roster`;
  return { version: row?.version ?? 0, recipes: row?.recipes ?? [] };
}

/** Which roster is stored. */
export async function rosterState(sql: Queryable): Promise<RosterState> {
  const [row] = await sql<RosterState[]>`SELECT version, source, saved_by FROM roster`;
  return row ?? { version: 0, source: '', savedBy: '' };
}

/** Whether this version is the stored one. If so, it stays that until the transaction ends: for what is derived from it. */
export async function holdRoster(sql: Transaction, version: number): Promise<boolean> {
  return (await sql`SELECT 1 FROM roster WHERE version = ${version} FOR SHARE`).length > 0;
}

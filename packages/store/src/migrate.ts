import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Database } from './database.ts';
import { lockSchema } from './locks.ts';

const FOLDER = fileURLToPath(new URL('./migrations/', import.meta.url));

/** Brings the schema up to date under an advisory lock: however many processes start at once, each file runs once. Returns the names applied. */
export async function migrate(db: Database): Promise<string[]> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{3}-.+\.sql$/.test(name)).sort();
  return await db.begin(async (sql) => {
    await lockSchema(sql);
    await sql`CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`;
    const rows = await sql<{ name: string }[]>`SELECT name FROM migrations`;
    const known = new Set(rows.map((row) => row.name));
    const newer = [...known].filter((name) => !files.includes(name));
    if (newer.length > 0) {
      throw new Error(
        `the database was written by a newer Kiln (it has ${newer.join(', ')}); start that version, or restore a backup made by this one`,
      );
    }
    const applied: string[] = [];
    for (const name of files.filter((file) => !known.has(file))) {
      await sql.unsafe(await readFile(FOLDER + name, 'utf8')).simple();
      await sql`INSERT INTO migrations (name) VALUES (${name})`;
      applied.push(name);
    }
    return applied;
  });
}

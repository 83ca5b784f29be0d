import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FarmContext } from '@kiln/store/context.ts';
import { isSystemError } from '../publish/disk.ts';
import { clearStaging } from '../publish/staging.ts';

const RUN_FOLDER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BATCH = 500;

/**
 * Removes the staged outputs of runs that ended `ageMs` ago or longer and will not publish them: cancelled ones, completed
 * ones, and those that are gone. A failed run keeps its outputs, since a retry goes on with them. Returns how many runs.
 */
export async function clearOldStaging(
  context: Pick<FarmContext, 'db' | 'log' | 'config'>,
  ageMs: number,
  signal: AbortSignal,
): Promise<number> {
  const { db, config } = context;
  const folders = (await foldersIn(config.stagingDir)).filter((name) => RUN_FOLDER.test(name));
  let cleared = 0;
  for (let at = 0; at < folders.length && !signal.aborted; at += BATCH) {
    const rows = await db<{ runId: string; recipe: string | null; version: string | null }[]>`
      SELECT g.run_id, r.recipe, r.version FROM unnest(${folders.slice(at, at + BATCH)}::uuid[]) AS g(run_id) LEFT JOIN runs r USING (run_id)
      WHERE r.run_id IS NULL
        OR (r.status IN ('completed', 'cancelled') AND r.finished_at <= now() - ${ageMs} * interval '1 millisecond')`;
    for (const { runId, recipe, version } of rows) {
      await clearStaging(context, { runId, recipe: recipe ?? '', version: version ?? '' });
      cleared += 1;
    }
  }
  return cleared;
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw new Error(`the staging folder ${join(folder)} can't be listed`, { cause: error });
  }
}

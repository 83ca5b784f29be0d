import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Logger } from '@kiln/service/log.ts';
import { archiveVersions } from '../publish/archive.ts';

/**
 * The versions of a recipe that were published before. An archive that can't be read must not stop the farm: it is told
 * with the fields given, and nothing counts as published.
 */
export async function archivedVersions(
  { publish, name: recipe }: Pick<CompiledRecipe, 'publish' | 'name'>,
  repositoriesDir: string,
  log: Logger,
  fields: Record<string, unknown> = {},
): Promise<ReadonlySet<string>> {
  if (!publish) return new Set();
  try {
    return await archiveVersions(repositoriesDir, publish.repository, publish.package);
  } catch (err) {
    log.warn({ recipe, ...fields, err }, 'dedup check failed');
    return new Set();
  }
}

import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { type ArchiveContext, versionsPublished } from '../publish/published-versions.ts';

/**
 * The versions of a recipe that were published before. An archive that can't be read must not stop the farm: it is told,
 * and nothing counts as published.
 */
export async function archivedVersions(
  context: ArchiveContext & Pick<FarmContext, 'log'>,
  recipe: Pick<CompiledRecipe, 'publish' | 'name'>,
): Promise<ReadonlySet<string>> {
  try {
    return await versionsPublished(context, recipe);
  } catch (err) {
    context.log.warn({ recipe: recipe.name, err }, 'dedup check failed');
    return new Set();
  }
}

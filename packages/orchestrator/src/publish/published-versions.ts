import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { publishedVersions } from '@kiln/store/packages.ts';
import { archiveVersions } from './archive.ts';

/** What looking published versions up needs of the farm. */
export type ArchiveContext = Pick<FarmContext, 'db'> & { config: Pick<FarmContext['config'], 'repositoriesDir'> };

/**
 * The versions of a recipe that were published before, so that none is built again. The packages table says what any node
 * published; where this node has the folder of the repository too, its index adds what an earlier database knew. Throws
 * when one of the two can't be read: whoever asks says so and builds, since publishing refuses other bytes anyway.
 */
export async function versionsPublished(
  { db, config }: ArchiveContext,
  { publish }: Pick<CompiledRecipe, 'publish'>,
): Promise<ReadonlySet<string>> {
  if (!publish) return new Set();
  const [known, indexed] = await Promise.all([
    publishedVersions(db, publish.repository, publish.package),
    archiveVersions(config.repositoriesDir, publish.repository, publish.package),
  ]);
  return new Set([...known, ...indexed]);
}

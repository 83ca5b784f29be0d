import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { archiveVersions } from '../publish/archive.ts';

/** Looks versions up in the archives, reading each package's index once. Made for one batch, then thrown away. */
export class ArchiveCheck {
  readonly #repositoriesDir: string;
  readonly #versions = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(repositoriesDir: string) {
    this.#repositoriesDir = repositoriesDir;
  }

  /** Whether this version of the recipe's package was ever published. Throws when the archive's index can't be read. */
  async has({ name, publish }: CompiledRecipe, version: string): Promise<boolean> {
    if (!publish) return false;
    const versions =
      this.#versions.get(name) ?? archiveVersions(this.#repositoriesDir, publish.repository, publish.package);
    this.#versions.set(name, versions);
    return (await versions).has(version);
  }
}

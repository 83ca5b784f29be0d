import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { type ArchiveContext, versionsPublished } from '../publish/published-versions.ts';

/** Looks versions up among the published ones, asking once for each recipe. Made for one batch, then thrown away. */
export class ArchiveCheck {
  readonly #context: ArchiveContext;
  readonly #versions = new Map<string, Promise<ReadonlySet<string>>>();

  constructor(context: ArchiveContext) {
    this.#context = context;
  }

  /** Whether this version of the recipe's package was ever published. Throws when that can't be found out. */
  async has(recipe: CompiledRecipe, version: string): Promise<boolean> {
    const versions = this.#versions.get(recipe.name) ?? versionsPublished(this.#context, recipe);
    this.#versions.set(recipe.name, versions);
    return (await versions).has(version);
  }
}

import type { Recipe } from '@kiln/protocol/recipe.ts';

/**
 * What a recipe file gets when it is run and imports `@kiln/recipe` or `@kiln/protocol/recipe.ts`: the types are gone by
 * then, and loading the schema that they come from would take a hundred times as long as the recipe.
 */
export function defineRecipe(recipe: Recipe): Recipe {
  return recipe;
}

import Type from 'typebox';
import { RecipeDetail, RecipeList } from '../api.ts';
import type { RouteTable } from './definition.ts';
import { NameParams } from './params.ts';

/** Recipes as the roster has them, with what their upstreams last showed. */
export const RECIPE_ROUTES = {
  'GET /api/recipes': {
    summary: 'The recipes, in the order of their folder',
    tag: 'recipes',
    permission: 'recipes.read',
    answers: { 200: RecipeList },
  },
  'GET /api/recipes/:name': {
    summary: 'One recipe',
    tag: 'recipes',
    permission: 'recipes.read',
    params: NameParams,
    answers: { 200: RecipeDetail },
    errors: ['not_found'],
  },
  'POST /api/recipes/:name/poll': {
    summary: "Look at a recipe's upstream now",
    tag: 'recipes',
    permission: 'recipes.poll',
    params: NameParams,
    answers: { 202: Type.Object({ requestId: Type.String() }) },
    errors: ['not_found', 'not_watched'],
  },
} as const satisfies RouteTable;

import { ApiError, RecipeDetail, RecipeList } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { HttpError } from '@kiln/service/http.ts';
import { inSpan, traceparentOf } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readRecipe, readRecipeNames, readRecipes } from '@kiln/store/reads/recipes.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { requestPolls } from '@kiln/store/watches.ts';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { App } from '../app.ts';
import { NameParams, notFound } from './params.ts';

const tags = ['recipes'];
const PollAnswer = Type.Object({ requestId: Type.String() });

/** Recipes as the roster has them, with what their upstreams last showed. */
export function addRecipeRoutes(app: App, context: FarmContext): void {
  const { db } = context;

  app.get(
    '/api/recipes',
    { schema: { summary: 'The recipes, in the order of their folder', tags, response: { 200: RecipeList } } },
    async () => ({ recipes: await readRecipes(db) }),
  );

  app.get(
    '/api/recipes/:name',
    { schema: { summary: 'One recipe', tags, params: NameParams, response: { 200: RecipeDetail, 404: ApiError } } },
    async (request) => {
      const recipe = await readRecipe(db, request.params.name);
      if (!recipe) throw notFound('recipe', request.params.name);
      return recipe;
    },
  );

  app.post(
    '/api/recipes/:name/poll',
    {
      schema: {
        summary: "Look at a recipe's upstream now",
        tags,
        params: NameParams,
        response: { 202: PollAnswer, 404: ApiError, 409: ApiError },
      },
    },
    async (request, reply) => await reply.code(202).send(await poll(context, request.params.name, request)),
  );
}

async function poll(
  { db, bus, service, instance }: FarmContext,
  recipe: string,
  request: FastifyRequest,
): Promise<{ requestId: string }> {
  const requestId = request.id;
  const by = request.principal?.subject ?? '';
  return await inSpan('poll.request', { parent: null, attributes: { 'kiln.recipe': recipe } }, async (span) => {
    await db.begin(async (sql) => {
      const asked = await requestPolls(sql, [recipe], { requestId, traceparent: traceparentOf(span) });
      if (asked.length === 0) {
        if (!(await readRecipeNames(sql)).includes(recipe)) throw notFound('recipe', recipe);
        throw new HttpError(
          409,
          'not_watched',
          `recipe ${recipe} watches no upstream; start it with kiln run ${recipe}`,
        );
      }
      const message = `${by} asked to look at the upstream of ${recipe}`;
      await addMilestones(sql, [{ requestId, service, instance, name: 'poll.requested', message, detail: { recipe } }]);
    });
    bus.publish(SUBJECTS.watch, {});
    return { requestId };
  });
}

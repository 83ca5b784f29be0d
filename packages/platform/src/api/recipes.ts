import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { principalOf } from '@kiln/service/access/guard.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { inSpan, traceparentOf } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readRecipe, readRecipeNames, readRecipes } from '@kiln/store/reads/recipes.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { requestPolls } from '@kiln/store/watches.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';

/** Recipes as the roster has them, with what their upstreams last showed. */
export function addRecipeRoutes(app: FastifyInstance, context: FarmContext): void {
  const { db } = context;

  registerRoute(app, 'GET /api/recipes', async () => ({ recipes: await readRecipes(db) }));

  registerRoute(app, 'GET /api/recipes/:name', async (request) => {
    const recipe = await readRecipe(db, request.params.name);
    if (!recipe) throw notFound('recipe', request.params.name);
    return recipe;
  });

  registerRoute(
    app,
    'POST /api/recipes/:name/poll',
    async (request) => await poll(context, request.params.name, { requestId: request.id, by: principalOf(request).id }),
  );
}

async function poll(
  { db, bus, service, instance }: FarmContext,
  recipe: string,
  { requestId, by }: { requestId: string; by: string },
): Promise<{ requestId: string }> {
  return await inSpan('poll.request', { parent: null, attributes: { 'kiln.recipe': recipe } }, async (span) => {
    await db.begin(async (sql) => {
      const asked = await requestPolls(sql, [recipe], { requestId, traceparent: traceparentOf(span) });
      if (asked.length === 0) {
        if (!(await readRecipeNames(sql)).includes(recipe)) throw notFound('recipe', recipe);
        throw new HttpError('not_watched', `recipe ${recipe} watches no upstream; start it with kiln run ${recipe}`);
      }
      const message = `${by} asked to look at the upstream of ${recipe}`;
      await addMilestones(sql, [{ requestId, service, instance, name: 'poll.requested', message, detail: { recipe } }]);
    });
    bus.publish(SUBJECTS.watch, {});
    return { requestId };
  });
}

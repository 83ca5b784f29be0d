import { AgentList, ApiError, Overview, PackageList, Trace } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { HttpError } from '@kiln/service/http.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { listPackages, packageCursor } from '@kiln/store/packages.ts';
import { readAgents } from '@kiln/store/reads/agents.ts';
import { readOverview } from '@kiln/store/reads/overview.ts';
import { AmbiguousIdError, readTrace } from '@kiln/store/reads/trace.ts';
import Type from 'typebox';
import type { App } from '../app.ts';
import { shareRead } from '../probes/shared-read.ts';
import { notFound } from './params.ts';

/** Many pages ask for the overview when something changes; they share one answer. */
const OVERVIEW_KEPT_MS = 200;

const PackageQuery = Type.Object(
  {
    repository: Type.Optional(Type.String()),
    recipe: Type.Optional(Type.String()),
    cursor: Type.Optional(Type.String({ maxLength: 2000 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
  },
  { additionalProperties: false },
);

/** The farm as a whole: overview, agents, packages, and the story of one id. */
export function addFarmRoutes(app: App, { db, bus, config }: FarmContext): void {
  const overview = shareRead(
    OVERVIEW_KEPT_MS,
    async () => await readOverview(db, { farmId: config.farmId, version: VERSION }),
  );
  const unsubscribe = bus.subscribe(SUBJECTS.changed, overview.forget);
  app.addHook('onClose', async () => unsubscribe());
  app.get(
    '/api/overview',
    { schema: { summary: 'Is the farm well, and what is it doing', tags: ['farm'], response: { 200: Overview } } },
    async () => await overview.read(),
  );

  app.get(
    '/api/agents',
    { schema: { summary: 'Agents, the connected ones first', tags: ['farm'], response: { 200: AgentList } } },
    async () => ({ agents: await readAgents(db) }),
  );

  app.get(
    '/api/packages',
    {
      schema: {
        summary: 'Published packages, the latest first',
        tags: ['packages'],
        querystring: PackageQuery,
        response: { 200: PackageList, 400: ApiError },
      },
    },
    async (request) => {
      const limit = request.query.limit ?? 100;
      const packages = await listPackages(db, { ...request.query, limit: limit + 1 }).catch((error: unknown) => {
        if (error instanceof TypeError) throw new HttpError(400, 'bad_cursor', error.message);
        throw error;
      });
      const shown = packages.slice(0, limit);
      const last = shown.at(-1);
      return { packages: shown, nextCursor: last && packages.length > limit ? packageCursor(last) : null };
    },
  );

  app.get(
    '/api/trace/:id',
    {
      schema: {
        summary: 'The whole story of a request, by any id of it: request, run, job, event or delivery',
        tags: ['farm'],
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 300 }) }),
        response: { 200: Trace, 404: ApiError, 409: ApiError },
      },
    },
    async (request) => {
      const { id } = request.params;
      const trace = await readTrace(db, id).catch((error: unknown) => {
        if (error instanceof AmbiguousIdError) throw new HttpError(409, 'ambiguous_id', error.message);
        throw error;
      });
      if (!trace) throw notFound('request, run, job, event or delivery with the id', id);
      return trace;
    },
  );
}

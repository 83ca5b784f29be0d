import { noteAudit } from '@kiln/service/access/audit.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { issueBuilderToken, listBuilderTokens, revokeBuilderToken } from '@kiln/store/builders/builder-tokens.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';

/** The tokens of builders: made, listed, ended. */
export function addBuilderTokenRoutes(app: FastifyInstance, { db }: FarmContext): void {
  registerRoute(app, 'GET /api/builder-tokens', async () => ({
    builders: (await listBuilderTokens(db)).map(({ name, createdAt }) => ({
      name,
      createdAt: createdAt.toISOString(),
    })),
  }));

  registerRoute(app, 'POST /api/builder-tokens', async (request) => {
    const { name } = request.body;
    const issued = await issueBuilderToken(db, name);
    noteAudit(request, 'security.builder_token_issued', { builder: name, replaced: issued.replaced });
    return { name, ...issued };
  });

  registerRoute(app, 'DELETE /api/builder-tokens/:name', async (request) => {
    const { name } = request.params;
    if (!(await revokeBuilderToken(db, name))) throw notFound('builder with a token called', name);
    noteAudit(request, 'security.builder_token_revoked', { builder: name });
    return null;
  });
}

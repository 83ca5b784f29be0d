import { noteAudit } from '@kiln/service/access/audit.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { createHostToken, listHostTokens, revokeHostToken } from '@kiln/store/hosts/tokens.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';

/** The tokens that heartbeats push with. */
export function addHostTokenRoutes(app: FastifyInstance, { db }: FarmContext): void {
  registerRoute(app, 'GET /api/host-tokens', async () => ({ tokens: await listHostTokens(db) }));

  registerRoute(app, 'POST /api/host-tokens', async (request) => {
    const { name, anyHost = false } = request.body;
    const { tokenId, token } = await createHostToken(db, name, anyHost);
    noteAudit(request, 'security.host_token_issued', { name, anyHost, tokenId });
    return { tokenId, name, host: anyHost ? null : name, createdAt: new Date().toISOString(), token };
  });

  registerRoute(app, 'DELETE /api/host-tokens/:id', async (request) => {
    const { id } = request.params;
    if (!(await revokeHostToken(db, id))) throw notFound('token of a host', id);
    noteAudit(request, 'security.host_token_revoked', { tokenId: id });
    return null;
  });
}

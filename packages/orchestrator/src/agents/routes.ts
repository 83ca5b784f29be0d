import { randomUUID } from 'node:crypto';
import { noteAudit } from '@kiln/service/access/audit.ts';
import { guardRoutes, principalOf } from '@kiln/service/access/guard.ts';
import { registerRoute, registerSocket } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { issueCredential } from '@kiln/store/credentials.ts';
import { findPrincipal } from '@kiln/store/principals.ts';
import type { FastifyInstance } from 'fastify';
import type { AgentGateway } from './agent-gateway.ts';

/** Checks who calls an orchestrator: agents, and who wants to be one. Register its routes after it. */
export async function authenticateAgents(
  app: FastifyInstance,
  { db, log }: Pick<FarmContext, 'db' | 'log'>,
): Promise<void> {
  await guardRoutes(app, { log, find: async (kinds, token) => await findPrincipal(db, kinds, token) });
}

/** `POST /agents/enrol` with a join token, and `GET /agents/socket` with the token that it gave. */
export function registerAgentRoutes(app: FastifyInstance, { db }: FarmContext, gateway: AgentGateway): void {
  registerRoute(app, 'POST /agents/enrol', async (request) => {
    const { name } = request.body;
    const agentId = randomUUID();
    const { token } = await db.begin(async (sql) => {
      await sql`INSERT INTO agents (agent_id, name) VALUES (${agentId}, ${name})`;
      return await issueCredential(sql, { kind: 'agent', subject: agentId });
    });
    noteAudit(request, 'security.agent_enrolled', { agentId, name });
    return { agentId, token };
  });

  registerSocket(app, 'GET /agents/socket', (socket, request) => {
    gateway.accept(principalOf(request).id, socket, request.raw.socket);
  });
}

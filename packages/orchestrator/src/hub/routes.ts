import { randomUUID } from 'node:crypto';
import type { WebSocket } from '@fastify/websocket';
import { EnrolRequest, EnrolResponse } from '@kiln/protocol/agent-messages.ts';
import { HttpError } from '@kiln/service/http.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { type CredentialKind, findCredential, issueCredential } from '@kiln/store/credentials.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { Hub } from './hub.ts';

/** `POST /agents/enrol` with a join token, and `GET /agents/socket` with the token that it gave. */
export function registerAgentRoutes(app: FastifyInstance, context: FarmContext, hub: Hub): void {
  const { db, log } = context;

  app.post('/agents/enrol', { schema: { body: EnrolRequest, response: { 200: EnrolResponse } } }, async (request) => {
    if (!(await bearer(context, request, 'join'))) throw refused('join token');
    const { name }: Static<typeof EnrolRequest> = request.body as Static<typeof EnrolRequest>;
    const agentId = randomUUID();
    const { token } = await db.begin(async (sql) => {
      await sql`INSERT INTO agents (agent_id, name) VALUES (${agentId}, ${name})`;
      return await issueCredential(sql, { kind: 'agent', subject: agentId });
    });
    log.info({ agentId, name }, 'agent enrolled');
    return { agentId, token };
  });

  app.get<{ Body: undefined }>(
    '/agents/socket',
    { websocket: true, preValidation: async (request) => void (await authenticateAgent(context, request)) },
    (socket: WebSocket, request) => {
      const agentId = agentOf.get(request);
      if (agentId) hub.accept(agentId, socket, request.raw.socket);
    },
  );
}

const agentOf = new WeakMap<FastifyRequest, string>();

/** Who speaks, by its agent token. Throws 401 for anyone else. */
export async function authenticateAgent(context: FarmContext, request: FastifyRequest): Promise<{ agentId: string }> {
  const agentId = await bearer(context, request, 'agent');
  if (!agentId) throw refused('agent token');
  agentOf.set(request, agentId);
  return { agentId };
}

async function bearer({ db }: FarmContext, request: FastifyRequest, kind: CredentialKind): Promise<string | null> {
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (!token) return null;
  return (await findCredential(db, kind, token))?.subject ?? null;
}

function refused(what: string): HttpError {
  return new HttpError(401, 'unauthorized', `a valid ${what} is needed: Authorization: Bearer …`);
}

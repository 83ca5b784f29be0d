import { ApiError } from '@kiln/protocol/api.ts';
import { HostTokenList, NewHostToken } from '@kiln/protocol/hosts.ts';
import { HttpError } from '@kiln/service/http.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { createHostToken, listHostTokens, revokeHostToken } from '@kiln/store/hosts/tokens.ts';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { IdParams, notFound } from '../api/params.ts';
import type { App } from '../app.ts';

const Wanted = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$' }),
    anyHost: Type.Optional(Type.Boolean({ description: 'For a collector that passes on the metrics of many hosts' })),
  },
  { additionalProperties: false },
);

/** The tokens that heartbeats push with. Only the admin hands them out. */
export function addHostTokenRoutes(app: App, { db, log }: FarmContext): void {
  app.get(
    '/api/host-tokens',
    {
      schema: {
        summary: 'The tokens that may push metrics of hosts',
        tags: ['hosts'],
        response: { 200: HostTokenList },
      },
    },
    async () => ({ tokens: await listHostTokens(db) }),
  );

  app.post(
    '/api/host-tokens',
    {
      schema: {
        summary: 'Make a token that may push the metrics of one host, and nothing else',
        tags: ['hosts'],
        body: Wanted,
        response: { 201: NewHostToken, 403: ApiError },
      },
    },
    async (request, reply) => {
      const by = adminOf(request);
      const { name, anyHost = false } = request.body;
      const { tokenId, token } = await createHostToken(db, name, anyHost);
      log.info({ name, anyHost, tokenId, by }, 'host token made');
      const createdAt = new Date().toISOString();
      return await reply.code(201).send({ tokenId, name, host: anyHost ? null : name, createdAt, token });
    },
  );

  app.delete(
    '/api/host-tokens/:id',
    {
      schema: {
        summary: 'End a token at once',
        tags: ['hosts'],
        params: IdParams,
        response: { 204: Type.Null(), 403: ApiError, 404: ApiError },
      },
    },
    async (request, reply) => {
      const by = adminOf(request);
      const { id } = request.params;
      if (!(await revokeHostToken(db, id))) throw notFound('token of a host', id);
      log.info({ tokenId: id, by }, 'host token revoked');
      return await reply.code(204).send(null);
    },
  );
}

function adminOf({ principal }: FastifyRequest): string {
  if (principal?.kind === 'admin') return principal.subject;
  throw new HttpError(403, 'forbidden', 'only the admin token makes and ends tokens: use kiln host token');
}

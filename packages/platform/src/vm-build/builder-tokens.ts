import { ApiError } from '@kiln/protocol/api.ts';
import { BuilderName, BuilderToken, BuilderTokenList, NewBuilderToken } from '@kiln/protocol/vm-build.ts';
import { issueBuilderToken, listBuilderTokens, revokeBuilderToken } from '@kiln/store/builders/builder-tokens.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import Type from 'typebox';
import { notFound } from '../api/params.ts';
import type { App } from '../app.ts';

const tags = ['builders'];

/** The tokens of builders: made, listed, ended. */
export function addBuilderTokenRoutes(app: App, { db, log }: FarmContext): void {
  app.get(
    '/api/builder-tokens',
    { schema: { summary: 'The builders that have a token', tags, response: { 200: BuilderTokenList } } },
    async () => ({
      builders: (await listBuilderTokens(db)).map(({ name, createdAt }) => ({
        name,
        createdAt: createdAt.toISOString(),
      })),
    }),
  );

  app.post(
    '/api/builder-tokens',
    {
      schema: {
        summary: 'Make the token of a builder, which is shown once; an earlier one ends',
        tags,
        body: NewBuilderToken,
        response: { 201: BuilderToken },
      },
    },
    async (request, reply) => {
      const { name } = request.body;
      const issued = await issueBuilderToken(db, name);
      const by = request.principal?.subject;
      log.info(
        { event: 'security.builder_token_issued', builder: name, replaced: issued.replaced, by },
        'builder token issued',
      );
      return await reply.code(201).send({ name, ...issued });
    },
  );

  app.delete(
    '/api/builder-tokens/:name',
    {
      schema: {
        summary: 'End the token of a builder',
        tags,
        params: Type.Object({ name: BuilderName }),
        response: { 204: Type.Null(), 404: ApiError },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      if (!(await revokeBuilderToken(db, name))) throw notFound('builder with a token called', name);
      log.info(
        { event: 'security.builder_token_revoked', builder: name, by: request.principal?.subject },
        'builder token revoked',
      );
      return await reply.code(204).send(null);
    },
  );
}

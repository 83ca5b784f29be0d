import { guardRoutes } from '@kiln/service/access/guard.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { findPrincipal } from '@kiln/store/principals.ts';
import type { FastifyInstance } from 'fastify';
import { SESSION_COOKIE } from './cookie.ts';

/** Checks who calls the platform: Bearer tokens of programs, builders and hosts, and the cookie of people's sessions. */
export async function authenticateCallers(app: FastifyInstance, { db, log }: FarmContext): Promise<void> {
  await guardRoutes(app, {
    log,
    find: async (kinds, token) => await findPrincipal(db, kinds, token),
    session: (request) => request.cookies[SESSION_COOKIE],
  });
}

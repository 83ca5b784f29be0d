import { noteAudit } from '@kiln/service/access/audit.ts';
import { limitFailures } from '@kiln/service/access/failure-limit.ts';
import { principalOf } from '@kiln/service/access/guard.ts';
import { tooManyRequests } from '@kiln/service/access/refusals.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import {
  createSignInLink,
  findCredential,
  issueCredential,
  revokeCredential,
  SESSION_MS,
  useSignIn,
} from '@kiln/store/credentials.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { farmAddress } from '../http/farm-address.ts';
import { clearSession, setSession } from './cookie.ts';
import { signInFailedPage } from './sign-in-page.ts';

/** Wrong links and tokens of one address in a minute that are answered with 401; then comes 429. */
const MOST_FAILURES = 10;

/**
 * How people get in: `GET /sign-in?code=…` and `POST /api/sign-in`. Both are open, and slow down who guesses.
 * `showDashboard` answers with the dashboard, whose sign-in page asks for the token.
 */
export function addSignInRoutes(
  app: FastifyInstance,
  context: FarmContext,
  showDashboard: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
): void {
  const { db, config } = context;
  const { basePath } = config.http;
  const failures = limitFailures(app, { max: MOST_FAILURES, windowMs: 60_000 });

  registerRoute(app, 'GET /sign-in', async (request, reply) => {
    const { code } = request.query;
    if (!code) return await showDashboard(request, reply);
    const refuse = async (status: number, message: string) =>
      await reply.code(status).type('text/html; charset=utf-8').send(signInFailedPage(message));
    // A right one is never turned away, or whoever guesses would lock out everybody behind the same address.
    const session = await useSignIn(db, code);
    if (!session) {
      const wait = await failures(request);
      if (wait > 0) {
        reply.header('retry-after', wait);
        return await refuse(429, `Too many links that do not work; try again in ${wait} seconds.`);
      }
      noteAudit(request, 'security.operator_login_failed');
      return await refuse(401, 'It was used already, or it is older than ten minutes.');
    }
    noteAudit(request, 'security.operator_login_succeeded', { subject: session.subject });
    setSession(request, reply, basePath, session.token);
    return await reply.redirect(basePath ? `${basePath}/` : './', 303);
  });

  registerRoute(app, 'POST /api/sign-in', async (request, reply) => {
    const admin = await findCredential(db, 'admin', request.body.token.trim());
    if (!admin) {
      const wait = await failures(request);
      if (wait > 0) throw tooManyRequests('failed sign-ins', wait);
      noteAudit(request, 'security.operator_login_failed');
      throw new HttpError(
        'wrong_token',
        'this is not the admin token; it is in the file admin-token under the data directory',
      );
    }
    const session = await issueCredential(db, { kind: 'session', subject: admin.subject, ttlMs: SESSION_MS });
    noteAudit(request, 'security.operator_login_succeeded', { subject: admin.subject });
    setSession(request, reply, basePath, session.token);
    return { subject: admin.subject };
  });
}

/** Who am I, out again, and a link for another browser. `ended` is told of the credential of a session that ended. */
export function addAccessRoutes(
  app: FastifyInstance,
  { db, config }: FarmContext,
  ended: (credentialId: string) => void,
): void {
  registerRoute(app, 'GET /api/me', async (request) => {
    const { kind, id } = principalOf(request);
    return { signedIn: true, kind, subject: id, version: VERSION, farmId: config.farmId };
  });

  registerRoute(app, 'POST /api/sign-out', async (request, reply) => {
    const { kind, id, credentialId } = principalOf(request);
    if (kind === 'session') {
      await revokeCredential(db, credentialId);
      ended(credentialId);
      noteAudit(request, 'security.operator_logout', { subject: id });
    }
    clearSession(reply, config.http.basePath);
    return null;
  });

  registerRoute(app, 'POST /api/sign-in-links', async (request) => {
    const code = await createSignInLink(db, principalOf(request).id);
    return { url: `${farmAddress(request, config)}/sign-in?code=${code}` };
  });
}

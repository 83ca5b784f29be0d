import { ApiError, Me, SignIn, SignInLink } from '@kiln/protocol/api.ts';
import { HttpError } from '@kiln/service/http.ts';
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
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { App } from '../app.ts';
import { clientAddress } from './client.ts';
import { clearSession, setSession } from './cookie.ts';
import { FailureLimit } from './failures.ts';
import { signInFailedPage } from './sign-in-page.ts';

const SignedIn = Type.Object({ subject: Type.String() });

/**
 * How people get in: `GET /sign-in?code=…` and `POST /api/sign-in`. Both are open, and slow down who guesses.
 * `showDashboard` answers with the dashboard, whose sign-in page asks for the token.
 */
export function addSignInRoutes(
  app: App,
  context: FarmContext,
  showDashboard: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
): void {
  const { db, log, config } = context;
  const { basePath } = config.http;
  const failures = new FailureLimit({ limit: 10, windowMs: 60_000 });
  const waitFor = (request: FastifyRequest, reply: FastifyReply): number => {
    const wait = failures.waitSeconds(clientAddress(request));
    if (wait > 0) reply.header('retry-after', wait);
    return wait;
  };

  app.get(
    '/sign-in',
    // A HEAD of the link, as link previews send, must not use it up.
    {
      exposeHeadRoute: false,
      schema: { hide: true, querystring: Type.Object({ code: Type.Optional(Type.String()) }) },
    },
    async (request, reply) => {
      const { code } = request.query;
      if (!code) return await showDashboard(request, reply);
      const refuse = async (status: number, message: string) =>
        await reply.code(status).type('text/html; charset=utf-8').send(signInFailedPage(message));
      // A right one is never turned away, or whoever guesses would lock out everybody behind the same address.
      const session = await useSignIn(db, code);
      if (!session) {
        const wait = waitFor(request, reply);
        if (wait > 0) return await refuse(429, `Too many links that do not work; try again in ${wait} seconds.`);
        failures.fail(clientAddress(request));
        log.warn({ ip: clientAddress(request) }, 'sign-in failed');
        return await refuse(401, 'It was used already, or it is older than ten minutes.');
      }
      log.info({ subject: session.subject, ip: clientAddress(request) }, 'signed in');
      setSession(request, reply, basePath, session.token);
      return await reply.redirect(basePath ? `${basePath}/` : './', 303);
    },
  );

  app.post(
    '/api/sign-in',
    {
      schema: {
        summary: 'Sign in a browser with the admin token',
        tags: ['access'],
        security: [],
        body: SignIn,
        response: { 200: SignedIn, 401: ApiError, 429: ApiError },
      },
    },
    async (request, reply) => {
      const admin = await findCredential(db, 'admin', request.body.token.trim());
      if (!admin) {
        const wait = waitFor(request, reply);
        if (wait > 0) throw new HttpError(429, 'too_many_requests', `too many failed sign-ins; wait ${wait} s`);
        failures.fail(clientAddress(request));
        log.warn({ ip: clientAddress(request) }, 'sign-in failed');
        throw new HttpError(
          401,
          'wrong_token',
          'this is not the admin token; it is in the file admin-token under the data directory',
        );
      }
      const session = await issueCredential(db, { kind: 'session', subject: admin.subject, ttlMs: SESSION_MS });
      log.info({ subject: admin.subject, ip: clientAddress(request) }, 'signed in');
      setSession(request, reply, basePath, session.token);
      return { subject: admin.subject };
    },
  );
}

/** Who am I, out again, and a link for another browser. `ended` is told of the credential of a session that ended. */
export function addAccessRoutes(app: App, context: FarmContext, ended: (credentialId: string) => void): void {
  const { db, config, log } = context;

  app.get(
    '/api/me',
    { schema: { summary: 'Who the credential speaks for', tags: ['access'], response: { 200: Me } } },
    async (request) => ({
      signedIn: true,
      kind: request.principal?.kind ?? '',
      subject: request.principal?.subject ?? '',
      version: VERSION,
      farmId: config.farmId,
    }),
  );

  app.post(
    '/api/sign-out',
    { schema: { summary: 'End the session of this browser', tags: ['access'], response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { principal } = request;
      if (principal?.kind === 'session') {
        await revokeCredential(db, principal.credentialId);
        ended(principal.credentialId);
        log.info({ subject: principal.subject, ip: clientAddress(request) }, 'signed out');
      }
      clearSession(reply, config.http.basePath);
      return await reply.code(204).send(null);
    },
  );

  app.post(
    '/api/sign-in-links',
    {
      schema: {
        summary: 'Make a link that signs in one browser, once, within ten minutes',
        tags: ['access'],
        response: { 201: SignInLink, 403: ApiError },
      },
    },
    async (request, reply) => {
      const { principal } = request;
      if (principal?.kind !== 'admin') {
        throw new HttpError(403, 'forbidden', 'only the admin token makes sign-in links; run `kiln sign-in`');
      }
      const code = await createSignInLink(db, principal.subject);
      const farm = config.http.publicUrl ?? `${request.protocol}://${request.host}${config.http.basePath}`;
      return await reply.code(201).send({ url: `${farm}/sign-in?code=${code}` });
    },
  );
}

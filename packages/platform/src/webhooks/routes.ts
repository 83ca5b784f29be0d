import { createHash } from 'node:crypto';
import { WEBHOOK_KINDS, type WebhookKind } from '@kiln/protocol/routes/webhooks.ts';
import { noteAudit } from '@kiln/service/access/audit.ts';
import { limitFailures } from '@kiln/service/access/failure-limit.ts';
import { tooManyRequests } from '@kiln/service/access/refusals.ts';
import type { ResolvedConfig } from '@kiln/service/config.ts';
import { HttpError } from '@kiln/service/http.ts';
import { refuseAt, registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { generic } from './generic.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import type { Forge, Headers, Json } from './payload.ts';
import { createReceiver } from './receive.ts';
import { readSecret, type SecretError } from './secret.ts';

const FORGES = { github, gitea, forgejo: gitea, gitlab, generic } as const satisfies Record<WebhookKind, Forge>;

/** The file that holds the secret of a kind, and the key of kiln.yaml that names it. */
const SECRETS: Record<WebhookKind, { file: (webhooks: ResolvedConfig['webhooks']) => string | null; key: string }> = {
  github: { file: (webhooks) => webhooks.githubSecretFile, key: 'webhooks.github_secret_file' },
  gitea: { file: (webhooks) => webhooks.giteaSecretFile, key: 'webhooks.gitea_secret_file' },
  forgejo: { file: (webhooks) => webhooks.giteaSecretFile, key: 'webhooks.gitea_secret_file' },
  gitlab: { file: (webhooks) => webhooks.gitlabTokenFile, key: 'webhooks.gitlab_token_file' },
  generic: { file: (webhooks) => webhooks.genericSecretFile, key: 'webhooks.generic_secret_file' },
};

/** Wrong signatures of one address in a minute that are answered with 401; then comes 429. */
const MOST_FAILURES = 120;
/** A longer id of a delivery is kept as its hash. */
const LONGEST_ID = 200;

/**
 * `POST /webhooks/<kind>`: the signature is checked over the bytes as they came, before anything reads them. What is
 * answered with 200 is stored; a second delivery of the same changes nothing and gets the ids of the first.
 */
export function addWebhookRoutes(app: FastifyInstance, context: FarmContext): void {
  const { config, metrics } = context;
  const receive = createReceiver(context);
  const failures = limitFailures(app, { max: MOST_FAILURES, windowMs: 60_000 });
  const rejected = metrics.counter('webhooks_rejected_total', 'Webhooks that were refused', ['kind', 'reason']);

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  const check = async (kind: WebhookKind, request: FastifyRequest, body: Buffer): Promise<void> => {
    const file = SECRETS[kind].file(config.webhooks);
    if (file === null) {
      rejected.inc({ kind, reason: 'not_configured' });
      noteAudit(request, 'security.webhook_not_configured', { kind });
      throw new HttpError('webhook_not_configured', `no secret for ${kind} webhooks: set ${SECRETS[kind].key}`);
    }
    const secret = await readSecret(file).catch((error: SecretError) => {
      throw new HttpError('webhook_secret_unreadable', error.message);
    });
    if (await FORGES[kind].verify(body, headersOf(request), secret)) return;
    rejected.inc({ kind, reason: 'signature' });
    const wait = await failures(request);
    if (wait > 0) throw tooManyRequests('webhooks with a wrong signature', wait);
    noteAudit(request, 'security.webhook_signature_invalid', { kind });
    throw new HttpError('webhook_signature_invalid', 'the signature is missing, or not made with the secret');
  };

  for (const kind of WEBHOOK_KINDS) {
    registerRoute(
      app,
      `POST /webhooks/${kind}`,
      async (request) => {
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        await check(kind, request, body);
        const forge = FORGES[kind];
        const headers = headersOf(request);
        const json = parseBody(body, headers['content-type'] ?? '');
        if (!json) {
          rejected.inc({ kind, reason: 'body' });
          throw new HttpError('bad_json', 'the body is not a JSON object');
        }
        return await receive(kind, forge, forge.read(json, headers), {
          requestId: request.id,
          delivery: deliveryId(forge.delivery(headers), body),
        });
      },
      { bodyLimit: config.webhooks.bodyLimit },
    );
    refuseAt(app, `/webhooks/${kind}`, 'public', wrongMethod, ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
  }
  refuseAt(
    app,
    '/webhooks/:kind',
    'public',
    () => new HttpError('not_found', `webhooks come to /webhooks/ followed by ${WEBHOOK_KINDS.join(', ')}`),
  );
}

function wrongMethod(request: FastifyRequest): HttpError {
  const message = `webhooks are sent with POST, not ${request.method}`;
  return new HttpError('method_not_allowed', message, {}, { allow: 'POST' });
}

function headersOf(request: FastifyRequest): Headers {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

/**
 * The payload: JSON, or JSON in the form field `payload`, as forges can be told to send it. `curl -d` calls plain JSON a
 * form. Null when it is no JSON object.
 */
function parseBody(body: Buffer, contentType: string): Json | null {
  const content = body.toString('utf8');
  const isForm = contentType.toLowerCase().startsWith('application/x-www-form-urlencoded');
  try {
    const parsed: unknown = JSON.parse(isForm ? (new URLSearchParams(content).get('payload') ?? content) : content);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : null;
  } catch {
    return null;
  }
}

function deliveryId(given: string | null, body: Buffer): string {
  const hash = (value: string | Buffer) => `sha256:${createHash('sha256').update(value).digest('hex')}`;
  if (given === null || given === '') return hash(body);
  return given.length > LONGEST_ID ? hash(given) : given;
}

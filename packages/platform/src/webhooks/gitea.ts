import { pushedRef } from './github.ts';
import {
  type Forge,
  firstText,
  type Headers,
  type Json,
  object,
  other,
  type Received,
  text,
  texts,
} from './payload.ts';
import { isSigned } from './signatures.ts';

/** Gitea and Forgejo, which name their headers after themselves and send payloads much like GitHub's. */
export const gitea: Forge = {
  source: 'gitea',
  verify: async (body, headers, secret) =>
    (await isSigned(body, secret, headers['x-forgejo-signature'] ?? headers['x-gitea-signature'])) ||
    (await isSigned(body, secret, headers['x-hub-signature-256'], 'sha256=')),
  delivery: (headers) => own(headers, 'delivery'),
  read: (body, headers) => readGitea(body, own(headers, 'event')),
};

function own(headers: Headers, name: string): string | null {
  return headers[`x-forgejo-${name}`] ?? headers[`x-gitea-${name}`] ?? headers[`x-gogs-${name}`] ?? null;
}

function readGitea(body: Json, event: string | null): Received {
  const repository = object(body, 'repository');
  const name = text(repository, 'full_name')?.toLowerCase() ?? null;
  const routingKey = `gitea:${text(repository, 'id') ?? 'unknown'}`;
  const pushed = name === null ? null : pushedRef(body, event);
  if (name === null || !pushed) return other(routingKey, event, name, body);
  const created = event === 'create' ? text(body, 'sha') : null;
  return {
    name: 'webhook.push',
    routingKey,
    payload: {
      repository: name,
      urls: texts(repository, ['clone_url', 'ssh_url', 'html_url']),
      ...pushed,
      commit: pushed.commit ?? created,
      sender: firstText(text(object(body, 'sender'), 'login'), text(object(body, 'pusher'), 'login')),
    },
  };
}

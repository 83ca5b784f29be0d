import { commitOf, type Forge, firstText, type Json, object, other, type Received, text, texts } from './payload.ts';
import { isSigned } from './signatures.ts';

/** GitHub: push, create, release and ping mean something, everything else is kept as it came. */
export const github: Forge = {
  source: 'github',
  verify: async (body, headers, secret) => await isSigned(body, secret, headers['x-hub-signature-256'], 'sha256='),
  delivery: (headers) => headers['x-github-delivery'] ?? null,
  read: (body, headers) => readGithub(body, headers['x-github-event'] ?? null),
};

/** Actions of a release after which its tag is there. */
const RELEASED = new Set(['published', 'released', 'prereleased', 'created']);

function readGithub(body: Json, event: string | null): Received {
  const repository = object(body, 'repository');
  const routingKey = routingKeyOf(body, repository);
  const name = text(repository, 'full_name')?.toLowerCase() ?? null;
  if (event === 'ping') return { name: 'webhook.ping', routingKey, payload: { zen: text(body, 'zen') } };
  const pushed = name === null ? null : pushedRef(body, event);
  if (name === null || !pushed) return other(routingKey, event, name, body);
  return {
    name: 'webhook.push',
    routingKey,
    payload: {
      repository: name,
      urls: texts(repository, ['clone_url', 'ssh_url', 'git_url', 'html_url']),
      ...pushed,
      sender: firstText(text(object(body, 'sender'), 'login'), text(object(body, 'pusher'), 'name')),
    },
  };
}

/** The ref that was pushed, with its commit where the event says it; null when it is no such event. */
export function pushedRef(
  body: Json,
  event: string | null,
): { ref: string; commit: string | null; deleted: boolean } | null {
  if (event === 'push') {
    const ref = text(body, 'ref');
    if (ref === null) return null;
    // Of an annotated tag `after` is the tag itself, `head_commit` what it points to.
    const commit = commitOf(firstText(text(object(body, 'head_commit'), 'id'), text(body, 'after')));
    return { ref, commit, deleted: body.deleted === true || commitOf(text(body, 'after')) === null };
  }
  if (event === 'create') {
    const tag = text(body, 'ref_type') === 'tag' ? text(body, 'ref') : null;
    return tag === null ? null : { ref: tagRef(tag), commit: null, deleted: false };
  }
  if (event === 'release') {
    const release = object(body, 'release');
    const tag = text(release, 'tag_name');
    if (tag === null || release.draft === true || !RELEASED.has(text(body, 'action') ?? '')) return null;
    return { ref: tagRef(tag), commit: null, deleted: false };
  }
  return null;
}

/** The full ref of a tag, whichever way it was given. */
export function tagRef(tag: string): string {
  return tag.startsWith('refs/') ? tag : `refs/tags/${tag}`;
}

function routingKeyOf(body: Json, repository: Json): string {
  const id = text(repository, 'id');
  if (id !== null) return `github:${id}`;
  const organization = text(object(body, 'organization'), 'login');
  if (organization !== null) return `github:${organization}`;
  return `github:hook:${text(body, 'hook_id') ?? 'unknown'}`;
}

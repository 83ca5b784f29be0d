import { tagRef } from './github.ts';
import { commitOf, type Forge, firstText, type Json, object, other, type Received, text, texts } from './payload.ts';
import { isSameSecret } from './signatures.ts';

/** GitLab: sends its token as it is, and tells the kind of event in the payload. */
export const gitlab: Forge = {
  source: 'gitlab',
  verify: async (_body, headers, secret) => isSameSecret(headers['x-gitlab-token'], secret),
  // Of a webhook that another webhook caused the event's id is that of the first one, so the key made for retries goes first.
  delivery: (headers) => headers['idempotency-key'] ?? headers['x-gitlab-event-uuid'] ?? null,
  read: (body) => readGitlab(body),
};

function readGitlab(body: Json): Received {
  const project = object(body, 'project');
  const event = firstText(text(body, 'object_kind'), text(body, 'event_name'));
  const id = firstText(text(project, 'id'), text(body, 'project_id'));
  const name = text(project, 'path_with_namespace')?.toLowerCase() ?? null;
  const routingKey = `gitlab:${id ?? 'unknown'}`;
  const pushed = name === null ? null : pushedRef(body, event);
  if (name === null || !pushed) return other(routingKey, event, name, body);
  return {
    name: 'webhook.push',
    routingKey,
    payload: {
      repository: name,
      urls: texts(project, ['git_http_url', 'git_ssh_url', 'http_url', 'ssh_url', 'web_url']),
      ...pushed,
      sender: firstText(text(body, 'user_username'), text(object(body, 'user'), 'username'), text(body, 'user_name')),
    },
  };
}

function pushedRef(body: Json, event: string | null): { ref: string; commit: string | null; deleted: boolean } | null {
  if (event === 'push' || event === 'tag_push') {
    const ref = text(body, 'ref');
    if (ref === null) return null;
    const after = commitOf(text(body, 'after'));
    return { ref, commit: commitOf(text(body, 'checkout_sha')) ?? after, deleted: after === null };
  }
  if (event === 'release') {
    const tag = text(body, 'tag');
    if (tag === null || text(body, 'action') === 'delete') return null;
    return { ref: tagRef(tag), commit: text(object(body, 'commit'), 'id'), deleted: false };
  }
  return null;
}

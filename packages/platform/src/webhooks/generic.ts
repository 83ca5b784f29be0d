import { commitOf, type Forge, type Json, other, type Received, text } from './payload.ts';
import { isSigned } from './signatures.ts';

/**
 * Any program that signs with HMAC-SHA256: `X-Kiln-Signature-256: sha256=<hex>`, `X-Kiln-Delivery: <unique id>` and
 * `{"repository": "owner/name", "urls": ["https://…"], "ref": "refs/tags/v1", "commit": "…", "deleted": false, "sender": "…"}`,
 * of which `repository` or `urls` must be there. `X-Kiln-Event: ping` only tries the way.
 */
export const generic: Forge = {
  source: 'generic',
  verify: async (body, headers, secret) => await isSigned(body, secret, headers['x-kiln-signature-256'], 'sha256='),
  delivery: (headers) => headers['x-kiln-delivery'] ?? null,
  read: (body, headers) => readGeneric(body, headers['x-kiln-event'] ?? 'push'),
};

function readGeneric(body: Json, event: string): Received {
  const given = Array.isArray(body.urls) ? body.urls.slice(0, 10) : [];
  const urls = given.map((url: unknown) => text({ url }, 'url')).filter((url) => url !== null);
  const repository = text(body, 'repository')?.toLowerCase() ?? '';
  const routingKey = `generic:${repository || (urls[0] ?? 'unknown')}`;
  if (event === 'ping') return { name: 'webhook.ping', routingKey, payload: {} };
  if (event !== 'push' || (repository === '' && urls.length === 0)) return other(routingKey, event, repository, body);
  return {
    name: 'webhook.push',
    routingKey,
    payload: {
      repository,
      urls,
      ref: text(body, 'ref'),
      commit: commitOf(text(body, 'commit')),
      deleted: body.deleted === true,
      sender: text(body, 'sender'),
    },
  };
}

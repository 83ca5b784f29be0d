import { isUtf8 } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { verify } from '@octokit/webhooks-methods';

/**
 * Whether `signature` is the HMAC-SHA256 of this very body in hex, as GitHub, Gitea, Forgejo and the generic webhook send it.
 * `prefix` is what a forge writes in front of it. Takes the same time for every wrong one of the right form.
 */
export async function isSigned(
  body: Buffer,
  secret: string,
  signature: string | undefined,
  prefix = '',
): Promise<boolean> {
  const hex = signature?.startsWith(prefix) ? signature.slice(prefix.length) : '';
  if (!/^[0-9a-f]{64}$/i.test(hex)) return false;
  // The library takes text only, and no empty one. Forges sign bytes, whatever they are.
  if (body.length === 0 || !isUtf8(body)) {
    return timingSafeEqual(createHmac('sha256', secret).update(body).digest(), Buffer.from(hex, 'hex'));
  }
  return await verify(secret, body.toString('utf8'), `sha256=${hex.toLowerCase()}`);
}

/** Whether two texts are the same. Compares their hashes, so that neither length nor content shows in the time it takes. */
export function isSameSecret(given: string | undefined, secret: string): boolean {
  const digest = (value: string) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(given ?? ''), digest(secret)) && given !== undefined;
}

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Whether `signature` is the HMAC-SHA256 of these very bytes, in hex after `prefix`. Takes the same time for every wrong one. */
export function isSigned(body: Buffer, secret: string, signature: string | undefined, prefix = ''): boolean {
  const hex = signature?.startsWith(prefix) ? signature.slice(prefix.length) : '';
  if (!/^[0-9a-f]{64}$/i.test(hex)) return false;
  return timingSafeEqual(createHmac('sha256', secret).update(body).digest(), Buffer.from(hex, 'hex'));
}

/** Whether two texts are the same. Compares their hashes, so that neither length nor content shows in the time it takes. */
export function isSameSecret(given: string | undefined, secret: string): boolean {
  const digest = (value: string) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(given ?? ''), digest(secret)) && given !== undefined;
}

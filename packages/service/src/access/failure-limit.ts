import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { clientAddress } from './client-address.ts';

/** Adds what `limitFailures` counts with. Nothing is limited by this alone. */
export async function addRateLimits(app: FastifyInstance): Promise<void> {
  await app.register(rateLimit, { global: false });
}

/**
 * Counts failures, not requests, by address: who shows a right credential is never turned away, however many wrong ones
 * come from behind the same address. The returned function counts one failure, and tells how many seconds the address has to
 * wait: 0 while there were at most `max` within the window. It remembers the 5,000 addresses that failed last.
 */
export function limitFailures(
  app: FastifyInstance,
  { max, windowMs }: { max: number; windowMs: number },
): (request: FastifyRequest) => Promise<number> {
  const count = app.createRateLimit({ max, timeWindow: windowMs, keyGenerator: clientAddress });
  return async (request) => {
    const counted = await count(request);
    return counted.isAllowed || !counted.isExceeded ? 0 : counted.ttlInSeconds;
  };
}

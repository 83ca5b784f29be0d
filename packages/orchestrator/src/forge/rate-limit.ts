/** However long a forge asks to wait, it is asked again after this. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/**
 * How long an answer asks to be left alone, in milliseconds, or null when it does not say: `Retry-After` (seconds or a date), or
 * the end of a used-up quota (`X-RateLimit-Reset` of GitHub and Gitea, `RateLimit-Reset` of GitLab, seconds since the epoch).
 */
export function askedWaitMs(headers: Headers, now: number = Date.now()): number | null {
  const wait = retryAfter(headers.get('retry-after'), now) ?? quotaReset(headers, now);
  return wait === null ? null : Math.min(Math.max(wait, 0), LONGEST_WAIT_MS);
}

function retryAfter(value: string | null, now: number): number | null {
  if (value === null) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : date - now;
}

function quotaReset(headers: Headers, now: number): number | null {
  const remaining = headers.get('x-ratelimit-remaining') ?? headers.get('ratelimit-remaining');
  const reset = headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset');
  return remaining?.trim() === '0' && reset && /^\d+$/.test(reset.trim()) ? Number(reset) * 1000 - now : null;
}

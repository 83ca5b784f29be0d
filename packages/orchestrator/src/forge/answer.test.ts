import { expect, test } from 'vitest';
import { judge } from './answer.ts';
import { askedWaitMs } from './rate-limit.ts';

const github = { kind: 'github', report: 'status' } as const;
const gitlab = { kind: 'gitlab', report: 'status' } as const;
const answer = (status: number, text = '', headers: Record<string, string> = {}) => ({
  status,
  text,
  headers: new Headers(headers),
});

test.each([
  ['a created status', github, answer(201, '{"id":7}'), { outcome: 'told', remoteId: null }],
  [
    'a created check run',
    { ...github, report: 'check-run' },
    answer(201, '{"id":7}'),
    { outcome: 'told', remoteId: '7' },
  ],
  [
    'GitLab has it already',
    gitlab,
    answer(400, '{"message":"Cannot transition status via :run from :running"}'),
    { outcome: 'told' },
  ],
  ['a bad request', github, answer(400, '{"message":"Problems parsing JSON"}'), { outcome: 'refused', limit: 3 }],
  [
    'no such commit',
    github,
    answer(422, '{"message":"No commit found for SHA: x"}'),
    { outcome: 'refused', error: 'answered 422: No commit found for SHA: x' },
  ],
  [
    'no right to it',
    github,
    answer(403, '{"message":"Resource not accessible by integration"}'),
    { outcome: 'refused', limit: 3 },
  ],
  [
    'errors by field',
    gitlab,
    answer(400, '{"message":{"name":["is too long"]}}'),
    { error: 'answered 400: {"name":["is too long"]}' },
  ],
  ['a page of a proxy', github, answer(404, '<html>no</html>'), { error: 'answered 404' }],
  ['a fault that may be about the report', github, answer(500, 'oops'), { outcome: 'refused', limit: 10 }],
  ['a gateway without a forge', github, answer(502), { outcome: 'down', waitMs: null }],
  ['maintenance for a while', github, answer(503, '', { 'retry-after': '120' }), { outcome: 'down', waitMs: 120_000 }],
  ['a bad token', github, answer(401, '{"message":"Bad credentials"}'), { outcome: 'down' }],
  ['too many requests', gitlab, answer(429, '', { 'retry-after': '7' }), { outcome: 'limited', waitMs: 7_000 }],
  ['too many requests, no time', gitlab, answer(429, 'Retry later'), { outcome: 'limited', waitMs: 60_000 }],
  [
    'a secondary limit',
    github,
    answer(403, '{"message":"You have exceeded a secondary rate limit."}'),
    { outcome: 'limited', waitMs: 60_000 },
  ],
  [
    'a secondary limit with a time',
    github,
    answer(403, '{}', { 'retry-after': '30' }),
    { outcome: 'limited', waitMs: 30_000 },
  ],
  ['a redirect that leads away', github, answer(301), { outcome: 'refused' }],
] as const)('%s', (_what, forge, given, judged) => {
  expect(judge(forge, given)).toMatchObject(judged);
});

test('how long an answer asks to wait', () => {
  const now = Date.parse('2026-05-07T14:00:00Z');
  const wait = (headers: Record<string, string>) => askedWaitMs(new Headers(headers), now);
  expect(wait({})).toBeNull();
  expect(wait({ 'retry-after': 'Thu, 07 May 2026 14:00:30 GMT' })).toBe(30_000);
  expect(wait({ 'retry-after': 'soon' })).toBeNull();
  expect(wait({ 'retry-after': '99999999' })).toBe(24 * 3_600_000);
  expect(wait({ 'retry-after': 'Thu, 07 May 2026 13:00:00 GMT' })).toBe(0);
  const reset = String(now / 1000 + 90);
  expect(wait({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset })).toBe(90_000);
  expect(wait({ 'ratelimit-remaining': '0', 'ratelimit-reset': reset })).toBe(90_000);
  expect(wait({ 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': reset })).toBeNull();
});

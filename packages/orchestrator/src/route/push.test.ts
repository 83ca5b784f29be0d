import type { PushPayload } from '@kiln/protocol/events.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { describe, expect, test } from 'vitest';
import { testUpstream } from '../watch/test-upstream.ts';
import { planPush } from './push.ts';

const event = { receivedAt: new Date('2024-01-02T09:30:11Z'), source: 'github' };
const push = (more: Partial<PushPayload> = {}): PushPayload => ({
  repository: 'owner/name',
  urls: ['https://example.org/owner/name.git', 'git@example.org:owner/name.git'],
  ref: 'refs/tags/v1.0',
  commit: '1a2b3c4d5e6f'.padEnd(40, '0'),
  deleted: false,
  sender: 'alice',
  ...more,
});
const tagged = testRecipe('tagged', { upstream: testUpstream(), triggers: ['tag'] });
const branch = (pattern: string, name = 'branch') =>
  testRecipe(name, { upstream: testUpstream({ tags: null }), triggers: [{ push: pattern }] });

describe('which recipes a push is about', () => {
  test.each([
    ['by name', { repository: 'owner/name', git: 'https://elsewhere.org/x.git' }, { urls: [] }],
    [
      'by an address that is written another way',
      { repository: null, git: 'ssh://git@example.org/Owner/Name/' },
      { repository: 'else/where' },
    ],
  ])('%s', (_what, upstream, more) => {
    const plan = planPush(
      push(more),
      [testRecipe('r', { upstream: testUpstream(upstream), triggers: ['tag'] })],
      event,
    );
    expect(plan).toMatchObject({ polls: ['r'], candidates: [], unknown: false, optedOut: [] });
  });

  test('none', () => {
    const other = testRecipe('other', {
      upstream: testUpstream({ repository: 'a/b', git: 'https://example.org/a/b' }),
    });
    const plan = planPush(push(), [other, testRecipe('bare')], event);
    expect(plan).toMatchObject({ polls: [], unknown: true, reasons: ['no recipe watches owner/name'] });
  });

  test('one that takes no webhooks is left alone', () => {
    const recipe = testRecipe('shy', { upstream: testUpstream({ webhook: false }), triggers: ['tag'] });
    const plan = planPush(push(), [recipe], event);
    expect(plan).toMatchObject({ polls: [], candidates: [], optedOut: ['shy'], unknown: false });
    expect(plan.reasons).toEqual(['shy takes no webhooks (upstream.webhook is false)']);
  });
});

describe('a branch', () => {
  test('is built at once where a trigger names it, and its tags are looked at as well', () => {
    const plan = planPush(push({ ref: 'refs/heads/feature/x' }), [tagged, branch('feature/*')], event);
    expect(plan.polls).toEqual(['tagged']);
    expect(plan.candidates).toMatchObject([
      {
        version: 'feature-x.20240102.093011.1a2b3c4d5',
        ref: 'refs/heads/feature/x',
        commit: push().commit,
        trigger: 'push',
        by: 'alice',
      },
    ]);
  });

  test.each([
    ['main', 'refs/heads/main', 1],
    ['main', 'refs/heads/mainline', 0],
    ['release/*', 'refs/heads/release/1/2', 1],
    ['a.c', 'refs/heads/abc', 0],
    ['*', 'refs/heads/anything', 1],
    ['*', 'refs/tags/v1', 0],
  ])('pattern %s, %s', (pattern, ref, count) => {
    expect(planPush(push({ ref }), [branch(pattern)], event).candidates).toHaveLength(count);
  });

  test('that was removed is not built', () => {
    const plan = planPush(push({ ref: 'refs/heads/main', deleted: true }), [branch('main')], event);
    expect(plan.candidates).toEqual([]);
    expect(plan.reasons).toEqual(['branch has no trigger for the removal of refs/heads/main']);
  });
});

test('a push of which the forge says no ref makes tags be looked at', () => {
  expect(planPush(push({ ref: null, commit: null }), [tagged, branch('main')], event)).toMatchObject({
    polls: ['tagged'],
    candidates: [],
  });
});

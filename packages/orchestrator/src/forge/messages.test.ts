import { expect, test } from 'vitest';
import { messageOf } from './messages.ts';
import { FAILURE } from './testing-runs.ts';

type ReportedRun = Parameters<typeof messageOf>[0];

const runId = '1b4e28ba-2fa1-4fd0-883f-0016d3cca427';
const requestId = '7d444840-9dc0-41d1-b245-5ffdce74fad2';
const reported = (more: Partial<ReportedRun> = {}): ReportedRun => ({
  runId,
  requestId,
  recipe: 'libfoo',
  version: '1.2',
  state: 'running',
  attempt: 1,
  publishes: null,
  failure: null,
  startedAt: new Date('2026-05-07T14:00:00Z'),
  finishedAt: null,
  retryAt: null,
  ...more,
});
const failed = (more: Partial<typeof FAILURE> = {}, rest: Partial<ReportedRun> = {}) =>
  messageOf(reported({ state: 'failure', failure: { ...FAILURE, ...more }, ...rest }), null);

test('the ids stand on lines of their own in the summary, and whole in the shortest description', () => {
  for (const state of ['queued', 'running', 'success', 'failure', 'cancelled'] as const) {
    const message = messageOf(reported({ state, failure: { message: 'x'.repeat(5000) } }), 'https://h/kiln');
    const lines = message.summary.split('\n');
    expect(lines).toContain(`Trace: ${requestId}`);
    expect(lines).toContain(`Run: ${runId}`);
    expect(lines).toContain(`[The run in Kiln](https://h/kiln/runs/${runId})`);
    const description = message.description(140);
    expect([...description].length).toBeLessThanOrEqual(140);
    expect(description).toContain(` | Trace: ${requestId} | Run: ${runId}`);
  }
});

test('a success says how long it took, and whether anything was published', () => {
  const finishedAt = new Date('2026-05-07T14:01:05Z');
  expect(messageOf(reported({ state: 'success', finishedAt }), null).title).toBe('Built in 1m 05s');
  const publishes = { repository: 'main', package: 'libfoo', files: [], keep: 1 };
  expect(messageOf(reported({ state: 'success', finishedAt, publishes }), null).title).toBe(
    'Built and published in 1m 05s',
  );
});

test('a failure names phase, reason, first error line and the next try', () => {
  const retryAt = new Date(Date.now() + 20 * 3_600_000);
  const time = `${retryAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const { title, summary, link } = failed({}, { retryAt, attempt: 3 });
  expect(title).toBe(`Failed in test, next try ${time}: step "make" ended with exit code 2`);
  expect(summary).toBe(
    `**libfoo 1.2**, attempt 3

Failed in phase test: step "make" ended with exit code 2.

First error, line 17 of the log:

    src/main.c:3: error: 'x' undeclared

The next try is at ${time}.

Trace: ${requestId}

Run: ${runId}
`,
  );
  expect(link).toBeNull();
  expect(failed().summary).toContain('It is not tried again by itself.');
});

test('what a build printed can neither style the page nor fill it', () => {
  const { summary } = failed({
    message: 'step "<img src=x>\n# a [link](http://x)" failed',
    lineText: `\u001b[31m**bold**\u001b[0m\n# head ${'é'.repeat(9999)}`,
  });
  expect(summary).toContain('Failed in phase test: step "\\<img src=x\\> \\# a \\[link\\](http://x)" failed.');
  expect(summary).toContain('\n    **bold** # head é');
  expect(summary.length).toBeLessThan(1500);
});

import type { LogLine } from '@kiln/protocol/api.ts';
import type { LogOutlineAnswer, LogPageAnswer } from '@kiln/protocol/log-api.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { finish } from '@kiln/store/reads/testing-seed.ts';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../../testing.ts';
import { addLines, seedJob, seedLine, seedLog } from './testing-logs.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

type Query = Record<string, string | number>;
const queryText = (query: Query) =>
  new URLSearchParams(Object.entries(query).map(([key, value]): [string, string] => [key, String(value)])).toString();

/** Every page of a query, one after the other, as a client reads them. */
const allPages = async (
  jobId: string,
  query: Query,
): Promise<{ lines: LogLine[]; pages: number; last: LogPageAnswer }> => {
  const lines: LogLine[] = [];
  for (let cursor: string | null = null, pages = 1; ; pages++) {
    const more: Query = cursor === null ? {} : { cursor };
    const page: LogPageAnswer = await p.json(`/api/jobs/${jobId}/log?${queryText({ ...query, ...more })}`);
    lines.push(...page.lines);
    const isOver = page.next === null || (page.lines.length === 0 && page.next === cursor);
    if (isOver) return { lines, pages, last: page };
    cursor = page.next;
  }
};

const START = Date.UTC(2026, 4, 7, 14);
const line = fc.record({
  text: fc.constantFrom('one', 'two', '', 'é'),
  level: fc.integer({ min: 0, max: 4 }),
  component: fc.constantFrom('output', 'kiln', 'ANSIBLE'),
  phase: fc.integer({ min: -1, max: 2 }),
  step: fc.integer({ min: -1, max: 2 }),
  gap: fc.constantFrom(0, 0, 1, 500),
});
const condition = fc.record(
  {
    level: fc.constantFrom('debug', 'WARN', 'Error', 'fatal'),
    component: fc.constantFrom('output', 'ansible', 'kiln,ANSIBLE', 'nothing'),
    phase: fc.constantFrom('-1', '0', '2'),
    step: fc.constantFrom(-1, 1),
    since: fc.integer({ min: -100, max: 4000 }),
    until: fc.integer({ min: -100, max: 4000 }),
  },
  { requiredKeys: [] },
);

it('pages and downloads hold the lines that pass, each once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.boolean(),
      fc.array(fc.tuple(condition, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 40 })), {
        minLength: 5,
        maxLength: 5,
      }),
      async (given, perFrame, finished, queries) => {
        let time = START;
        const lines = given.map(({ gap, ...more }) => {
          time += gap;
          return seedLine(more.text, { ...more, time });
        });
        const job = await seedLog(p.db, lines, perFrame);
        if (finished) await finish(p.db, job, null, Math.ceil(lines.length / perFrame));
        for (const [{ since, until, ...rest }, limit, from] of queries) {
          const filter: Query = {
            ...rest,
            ...(since === undefined ? {} : { since: new Date(START + since).toISOString() }),
            ...(until === undefined ? {} : { until: START + until }),
          };
          const passing = lines.flatMap((each, n) => {
            const components = rest.component?.toLowerCase().split(',');
            const passes =
              each.level >= LOG_LEVELS.findIndex((level) => level === (rest.level ?? 'debug').toUpperCase()) &&
              (components === undefined || components.includes(each.component.toLowerCase())) &&
              (rest.phase === undefined || each.phase === Number(rest.phase)) &&
              (rest.step === undefined || each.step === rest.step) &&
              (since === undefined || each.time >= START + since) &&
              (until === undefined || each.time <= START + until);
            return passes ? [n + 1] : [];
          });
          const paged = await allPages(job.jobId, { ...filter, limit, from });
          expect(
            paged.lines.map((each) => each.line),
            queryText(filter),
          ).toEqual(passing.filter((n) => n >= from));
          expect(paged.last.complete).toBe(finished);
          const json = await (await p.ask(`/api/jobs/${job.jobId}/log.jsonl?${queryText(filter)}`)).text();
          const parsed: LogLine[] = json
            .split('\n')
            .filter(Boolean)
            .map((each) => JSON.parse(each));
          expect(parsed.map((each) => each.line)).toEqual(passing);
          const text = await (await p.ask(`/api/jobs/${job.jobId}/log.txt?${queryText(filter)}`)).text();
          expect(text).toBe(passing.map((n) => `${lines[n - 1]?.text}\n`).join(''));
        }
        const outline: LogOutlineAnswer = await p.json(`/api/jobs/${job.jobId}/log/outline`);
        const counts = LOG_LEVELS.map((name, level) => [name, lines.filter((each) => each.level === level).length]);
        expect(outline.levels).toEqual(Object.fromEntries(counts));
        expect(outline.sections.reduce((sum, section) => sum + section.lines, 0)).toBe(lines.length);
      },
    ),
    { numRuns: 25 },
  );
}, 120_000);

it('a log that grows is followed page by page: nothing is left out or repeated', async () => {
  const job = await seedLog(p.db, [seedLine('1'), seedLine('2', { level: 3 })], 1);
  const first: LogPageAnswer = await p.json(`/api/jobs/${job.jobId}/log?level=ERROR`);
  expect(first.lines.map(({ text }) => text)).toEqual(['2']);
  await addLines(p.db, job, [seedLine('3'), seedLine('4', { level: 4 })], 1, { frames: 2, lines: 2 });
  const second: LogPageAnswer = await p.json(`/api/jobs/${job.jobId}/log?level=ERROR&cursor=${first.next}`);
  expect(second.lines.map(({ text }) => text)).toEqual(['4']);
  await finish(p.db, job, null, 4);
  const third: LogPageAnswer = await p.json(`/api/jobs/${job.jobId}/log?level=ERROR&cursor=${second.next}`);
  expect([third.lines, third.next, third.complete]).toEqual([[], null, true]);
});

it('a page of a huge log is bounded in work, and goes on where it was', async () => {
  // Text that hardly shrinks, so that what is stored is large: 16 MiB.
  let seed = 1;
  const noise = () => {
    let text = '';
    while (text.length < 4000) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      text += seed.toString(36);
    }
    return text;
  };
  const lines = Array.from({ length: 6000 }, (_, n) => seedLine(noise(), { level: n === 5999 ? 3 : 1 }));
  const { jobId } = await seedLog(p.db, lines, 60);
  const first: LogPageAnswer = await p.json(`/api/jobs/${jobId}/log?level=ERROR`);
  expect(first.lines).toEqual([]);
  const { lines: found, pages } = await allPages(jobId, { level: 'ERROR' });
  expect(found.map((each) => each.line)).toEqual([6000]);
  expect(pages).toBeGreaterThan(2);
}, 60_000);

it('a phase can be named', async () => {
  const job = await seedJob(p.db);
  const phase = (name: string) => ({ name, weight: 1, state: 'done', startedAt: null, finishedAt: null, steps: [] });
  const phases = JSON.stringify([phase('checkout'), phase('Build')]);
  await p.db`UPDATE attempts SET phases = ${phases}::text::jsonb WHERE job_id = ${job.jobId}`;
  await addLines(p.db, job, [seedLine('cloning'), seedLine('making', { phase: 1 })]);
  const { lines }: LogPageAnswer = await p.json(`/api/jobs/${job.jobId}/log?phase=build`);
  expect(lines.map(({ text }) => text)).toEqual(['making']);
  const response = await p.ask(`/api/jobs/${job.jobId}/log?phase=test`);
  expect(await response.json()).toEqual({
    error: { code: 'unknown_phase', message: 'the attempt has no phase "test"; there are checkout, Build' },
  });
});

it.each([
  'level=loud',
  'since=yesterday',
  'since=2026-13-01',
  'until=99999999999999999999',
  'step=x',
  'cursor=x',
  'cursor=bGluZTow',
  'phase=',
  'colour=red',
])('refuses ?%s', async (query) => {
  const { jobId } = await seedLog(p.db, [seedLine('one')]);
  expect((await p.ask(`/api/jobs/${jobId}/log?${query}`)).status).toBe(400);
});

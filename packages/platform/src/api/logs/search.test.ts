import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LogHit, LogSearchMessage } from '@kiln/protocol/log-api.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { finish } from '@kiln/store/reads/testing-seed.ts';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../../testing.ts';
import { addLines, type SeedLine, seedLine, seedLog } from './testing-logs.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

const message = Compile(LogSearchMessage);

const search = async (jobId: string, query: Record<string, string | number>): Promise<LogSearchMessage[]> => {
  const values = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]);
  const response = await p.ask(`/api/jobs/${jobId}/log/search?${new URLSearchParams(values)}`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  const messages: LogSearchMessage[] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const each of messages) expect([...message.Errors(each)]).toEqual([]);
  return messages;
};
const hitsOf = (messages: LogSearchMessage[]): LogHit[] => messages.filter((each) => each.type === 'hit');
const numbers = (messages: LogSearchMessage[]): number[] => hitsOf(messages).map(({ line }) => line);

describe('in a log of 120,000 lines', () => {
  const LINES = 120_000;
  let jobId: string;
  beforeAll(async () => {
    const lines = Array.from({ length: LINES }, (_, n) =>
      seedLine(n === 2 ? 'the Needle is here' : `compiling unit_${n + 1}.c`, { level: n % 1000 === 0 ? 3 : 1 }),
    );
    ({ jobId } = await seedLog(p.db, lines, 2500));
  }, 60_000);

  it('finds what is on its third line, and counts to the end', async () => {
    const messages = await search(jobId, { q: 'needle' });
    expect(hitsOf(messages)).toEqual([
      {
        type: 'hit',
        line: 3,
        time: '2026-05-07T14:00:00.000Z',
        level: 'INFO',
        component: 'output',
        phase: 0,
        step: 0,
        text: 'the Needle is here',
        ranges: [[4, 10]],
        before: [],
        after: [],
      },
    ]);
    expect(messages.at(-1)).toEqual({ type: 'end', hits: 1, lines: LINES, complete: false });
  });

  it('goes on counting when it has sent enough', async () => {
    const messages = await search(jobId, { q: 'unit_\\d+\\.c$', mode: 'regex', limit: 5 });
    expect(numbers(messages)).toEqual([1, 2, 4, 5, 6]);
    expect(messages.at(-1)).toMatchObject({ type: 'end', hits: LINES - 1 });
    expect(numbers(await search(jobId, { q: 'unit', from: 119_999 }))).toEqual([119_999, 120_000]);
    expect((await search(jobId, { q: 'unit', limit: 0 })).at(-1)).toMatchObject({ hits: LINES - 1 });
    expect(hitsOf(await search(jobId, { q: 'unit', limit: 10_000 }))).toHaveLength(10_000);
  });

  it('minds only lines that the filter lets through', async () => {
    const messages = await search(jobId, { q: 'unit', level: 'warn' });
    expect(numbers(messages)).toEqual(Array.from({ length: 120 }, (_, n) => n * 1000 + 1));
  });

  it('tells how far it is', async () => {
    // A lot of work for each line, so that it takes a while.
    const messages = await search(jobId, { q: '([a-z]+_?)+\\d{7}\\.c', mode: 'regex', limit: 0 });
    const progress = messages.filter((each) => each.type === 'progress');
    const lines = progress.map((each) => each.lines);
    expect([...lines].sort((a, b) => a - b)).toEqual(lines);
    for (const { total } of progress) expect(total).toBe(LINES);
    expect(messages.at(-1)).toMatchObject({ type: 'end', hits: 0 });
  });

  it('stops when the client goes away, and lets the next one in', async () => {
    const address = `${p.url}/api/jobs/${jobId}/log/search?q=unit&limit=10000&context=20`;
    const headers = { authorization: `Bearer ${p.adminToken}` };
    for (let n = 0; n < 12; n++) {
      await new Promise<void>((done, fail) => {
        const request = get(address, { headers }, (response) => {
          if (response.statusCode !== 200) fail(new Error(`status ${response.statusCode}`));
          response.once('data', () => {
            request.destroy();
            done();
          });
          response.on('error', () => done());
        });
        request.on('error', () => done());
      });
    }
    // The server hears of the last closed connection a moment later.
    await sleep(100);
    expect((await search(jobId, { q: 'needle' })).at(-1)).toMatchObject({ type: 'end', hits: 1 });
  });

  it('refuses the ninth search at once, and says when to come again', async () => {
    // Nobody reads the answers, which are larger than what a socket holds.
    const address = `${p.url}/api/jobs/${jobId}/log/search?q=unit&limit=10000&context=20`;
    const controller = new AbortController();
    const headers = { authorization: `Bearer ${p.adminToken}` };
    const ask = async () => await fetch(address, { headers, signal: controller.signal });
    const answers = await Promise.all(Array.from({ length: 9 }, ask));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused).toHaveLength(1);
    expect(refused[0]?.headers.get('retry-after')).toBe('2');
    expect(await refused[0]?.json()).toMatchObject({ error: { code: 'too_many_searches' } });
    controller.abort();
  });
});

describe('what is found', () => {
  const line = fc.record({
    text: fc
      .array(fc.constantFrom('error', 'Error', 'a', 'b', ' ', '.', 'é', '(', '[x]', '🔥'), { maxLength: 6 })
      .map((parts) => parts.join('')),
    level: fc.integer({ min: 0, max: 4 }),
    component: fc.constantFrom('output', 'kiln', 'ANSIBLE'),
    phase: fc.integer({ min: -1, max: 2 }),
  });
  const words = fc.oneof(
    fc.record({
      q: fc.constantFrom('error', 'Error', 'ER', '.', '(', '[x]', 'é', 'É', 'b ', '🔥'),
      mode: fc.constant('text'),
    }),
    fc.record({
      q: fc.constantFrom(
        'er+or',
        '^a',
        'b$',
        '^$',
        '[^a]+',
        'a\\s*b',
        '(a)\\1',
        'a(?!b)',
        '\\S',
        '.{3}',
        '🔥+',
        '\\p{L}',
      ),
      mode: fc.constant('regex'),
    }),
  );

  it('is what a look at every line finds, whatever the frames', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(
          fc.record({
            words,
            level: fc.constantFrom(undefined, 'warn'),
            component: fc.constantFrom(undefined, 'ansible,kiln'),
            context: fc.integer({ min: 0, max: 5 }),
          }),
          { minLength: 4, maxLength: 4 },
        ),
        async (given, perFrame, queries) => {
          const lines: SeedLine[] = given.map(({ text, ...more }, n) => seedLine(text, { ...more, time: 1e12 + n }));
          const { jobId } = await seedLog(p.db, lines, perFrame);
          for (const {
            words: { q, mode },
            level,
            component,
            context,
          } of queries) {
            const source = mode === 'text' ? q.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : q;
            const cased = /\p{Lu}/u.test(q.replace(/\\./g, ''));
            const unicode = /🔥|\\p/.test(q) ? 'u' : '';
            const expression = new RegExp(source, cased ? `m${unicode}` : `im${unicode}`);
            const expected = lines.flatMap((each, n) => {
              const fits =
                (level === undefined || each.level >= LOG_LEVELS.indexOf('WARN')) &&
                (component === undefined || each.component !== 'output');
              return fits && expression.test(each.text) ? [n + 1] : [];
            });
            const query = { q, mode, context, ...(level ? { level } : {}), ...(component ? { component } : {}) };
            const messages = await search(jobId, query);
            expect(numbers(messages), JSON.stringify(query)).toEqual(expected);
            expect(messages.at(-1)).toMatchObject({ type: 'end', hits: expected.length, lines: lines.length });
            for (const hit of hitsOf(messages)) {
              const around = (from: number, to: number) =>
                lines
                  .slice(Math.max(0, from - 1), Math.max(0, to))
                  .map(({ text }, n) => ({ line: Math.max(1, from) + n, text }));
              expect(hit.before).toEqual(around(hit.line - context, hit.line - 1));
              expect(hit.after).toEqual(around(hit.line + 1, hit.line + context));
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 120_000);

  it('is what people see, not what a terminal is told', async () => {
    const { jobId } = await seedLog(p.db, [
      seedLine('\u001b[31mer\u001b[1mror\u001b[0m: it broke'),
      seedLine('downloading 10 %\rdownloading 100 %'),
      seedLine('\u001b]0;error in a title\u0007fine'),
      seedLine('windows\r'),
    ]);
    const [coloured, ...others] = hitsOf(await search(jobId, { q: 'error:' }));
    expect(coloured).toMatchObject({ line: 1, text: 'error: it broke', ranges: [[0, 6]] });
    expect(others).toEqual([]);
    expect(numbers(await search(jobId, { q: '10 %' }))).toEqual([]);
    expect(numbers(await search(jobId, { q: '^windows$', mode: 'regex' }))).toEqual([4]);
  });

  it('is in a log that grows as far as it is written, and complete when the job ended', async () => {
    const job = await seedLog(p.db, [seedLine('one')]);
    expect((await search(job.jobId, { q: 'o' })).at(-1)).toEqual({ type: 'end', hits: 1, lines: 1, complete: false });
    await addLines(p.db, job, [seedLine('two')], 1, { frames: 1, lines: 1 });
    await finish(p.db, job, null, 2);
    expect((await search(job.jobId, { q: 'o' })).at(-1)).toEqual({ type: 'end', hits: 2, lines: 2, complete: true });
  });

  it('passes over what can not be read', async () => {
    const { jobId } = await seedLog(p.db, [seedLine('one'), seedLine('two'), seedLine('one')], 1);
    await p.db`UPDATE frames SET data = ${Buffer.from('none')} WHERE job_id = ${jobId} AND sequence = 2`;
    expect(numbers(await search(jobId, { q: '^', mode: 'regex' }))).toEqual([1, 3]);
  });
});

describe('expressions that mean harm', () => {
  it.each(['(a+)+$', '(a|a)*b', '(\\w+\\s?)+$', '(.*)*\\d$', '(A+)+$'])('%s takes linear time', async (q) => {
    const { jobId } = await seedLog(
      p.db,
      Array.from({ length: 500 }, () => seedLine(`${'a'.repeat(200)}!`)),
    );
    for (const insensitive of ['ignore', 'match']) {
      const messages = await search(jobId, { q, mode: 'regex', case: insensitive });
      expect(messages.at(-1)).toMatchObject({ type: 'end', hits: 0 });
    }
  });

  it('one that can not be made linear is ended, with the thread that runs it', async () => {
    const { jobId } = await seedLog(p.db, [seedLine('here'), seedLine(`${'a'.repeat(60)}!`)]);
    const [slow, quick] = await Promise.all([
      search(jobId, { q: '(?=a)(a+)+$', mode: 'regex' }),
      search(jobId, { q: 'here' }),
    ]);
    expect(slow).toEqual([{ type: 'error', code: 'pattern_too_slow', message: expect.stringContaining('simpler') }]);
    expect(numbers(quick)).toEqual([1]);
    expect(numbers(await search(jobId, { q: 'here' }))).toEqual([1]);
  });

  it.each(['(', '[b-a]', '*', 'a{2,1}', '(?<x>a)(?<x>b)', '\\k<no>(?<x>)'])(
    '%s is refused with the reason',
    async (q) => {
      const { jobId } = await seedLog(p.db, [seedLine('one')]);
      const response = await p.ask(`/api/jobs/${jobId}/log/search?${new URLSearchParams({ q, mode: 'regex' })}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: { code: 'bad_pattern', message: expect.stringContaining('Invalid') },
      });
    },
  );

  it.each([
    '',
    'q=',
    `q=${'x'.repeat(1001)}`,
    'q=x&mode=glob',
    'q=x&limit=10001',
    'q=x&context=21',
    'q=x&phase=nope',
    'q=a%00b',
  ])('?%s is refused', async (query) => {
    const { jobId } = await seedLog(p.db, [seedLine('one')]);
    expect((await p.ask(`/api/jobs/${jobId}/log/search?${query}`)).status).toBe(400);
  });
});

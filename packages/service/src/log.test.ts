import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createLogger, type LogFormat } from './log.ts';
import { inSpan, startTracing } from './tracing.ts';

function collect(format: LogFormat, level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ level, format, service: 'platform', instance: 'p-1', destination });
  return { log, lines, parsed: (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line)) };
}

test('a json line has time, level, msg, service, instance, host and the fields of the caller', () => {
  const { log, parsed } = collect('json');
  log.debug('not shown');
  log.info({ recipe: 'musl', count: 4 }, 'recipe roster loaded');
  expect(parsed()).toEqual([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'info',
      msg: 'recipe roster loaded',
      service: 'platform',
      instance: 'p-1',
      host: expect.any(String),
      recipe: 'musl',
      count: 4,
    },
  ]);
});

test('an error becomes its message with its causes, and its stack', () => {
  const { log, parsed } = collect('json');
  const cause = new Error('connection refused');
  log.error({ err: new Error('the database is away', { cause }), runId: 'r' }, 'saving failed');
  log.child({ jobId: 'j' }).error({ error: new TypeError('odd') }, 'again');
  log.error(new Error('alone'));
  log.warn({ error: 'just words' }, 'a text stays a text');
  const [first, second, third, fourth] = parsed();
  expect(first).toMatchObject({ level: 'error', error: 'the database is away: connection refused', runId: 'r' });
  expect(first?.stack).toContain('log.test.ts');
  expect(first).not.toHaveProperty('err');
  expect(second).toMatchObject({ jobId: 'j', error: 'odd' });
  expect(third).toMatchObject({ error: 'alone', msg: 'alone' });
  expect(fourth).toMatchObject({ error: 'just words' });
});

test('logfmt is one line of key=value, quoted where it must be', () => {
  const { log, lines } = collect('logfmt');
  log.info(
    { farm_id: 'build-1', mode: 'daemon', path: 'a b', quote: 'say "x"\nnext', n: 3, list: [1], no: null },
    'kiln starting',
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^time=\S+Z level=info msg="kiln starting" service=platform instance=p-1 host=\S+ farm_id=build-1 mode=daemon path="a b" quote="say \\"x\\"\\nnext" n=3 list=\[1\] no=null\n$/,
  );
});

test('the event that shipped log rules look for is written as they match it', () => {
  const { log, lines } = collect('logfmt');
  log.error({ recipe: 'musl', next_retry_after: '5m' }, 'build failed');
  expect(lines[0]).toContain('level=error msg="build failed"');
});

test('pretty is for people: text first, fields after it, the stack on lines of its own', () => {
  const { log, lines } = collect('pretty');
  log.warn({ recipe: 'musl', err: new Error('no route') }, 'polling failed');
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}polling failed recipe=musl error="no route"\n {4}Error: no route\n/,
  );
});

test('secrets given by mistake are masked', () => {
  const { log, lines } = collect('json');
  log.info({ token: 'abc123', headers: { authorization: 'Bearer abc123', accept: 'x' } }, 'request');
  expect(lines[0]).not.toContain('abc123');
  expect(lines[0]).toContain('"accept":"x"');
});

test('inside a span a line has traceId and spanId together, outside neither', async () => {
  const { log, parsed } = collect('json');
  const tracing = await startTracing({ service: 'platform', instance: 'p-1', log });
  log.info('outside');
  await inSpan('work', {}, () => log.info('inside'));
  await tracing.shutdown();
  expect(parsed()[0]).not.toHaveProperty('traceId');
  expect(parsed()[1]).toMatchObject({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
});

test('lines go to stderr, and none is lost when the process exits at once', async () => {
  const url = new URL('./log.ts', import.meta.url).href;
  const script = `
    import { createLogger } from ${JSON.stringify(url)};
    const log = createLogger({ level: 'info', format: null, service: 'agent', instance: 'a' });
    for (let i = 0; i < 5000; i++) log.info({ i, filler: 'x'.repeat(100) }, 'line');
    process.exit(0);`;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module-typescript', '-e', script],
    {
      maxBuffer: 10_000_000,
    },
  );
  expect(stdout).toBe('');
  const lines = stderr
    .trim()
    .split('\n')
    .map((line): { i: number } => JSON.parse(line));
  expect(lines.map((line) => line.i)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
});

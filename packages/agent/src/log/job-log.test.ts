import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { linesOf, readFrame, type SeenFrame } from '../testing/log-reader.ts';
import { FRAME_TEXT } from './frame-builder.ts';
import { JobLog } from './job-log.ts';
import { Masks } from './mask.ts';
import { FrameWindow } from './window.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-job-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

const STEP = { phase: 0, step: 0 };

function open(options: { limitBytes?: number; acknowledge?: boolean } = {}) {
  const frames: SeenFrame[] = [];
  const told: [number, string][] = [];
  const masks = new Masks();
  const window = new FrameWindow({
    send: (bytes) => {
      const frame = readFrame(bytes);
      frames.push(frame);
      if (options.acknowledge !== false) queueMicrotask(() => window.acknowledge(frame.header.sequence));
      return true;
    },
    onChange: () => log.settle(),
    onRefused: (error) => expect.unreachable(String(error)),
    onLoss: (error) => expect.unreachable(String(error)),
    spoolPath: join(folder, randomUUID()),
    spoolLimit: 2 ** 30,
  });
  const log = new JobLog({
    jobId: randomUUID(),
    attempt: 1,
    masks,
    limitBytes: options.limitBytes ?? 2 ** 40,
    window,
    onProgress: (percent, text) => told.push([percent, text]),
    onFault: (error) => expect.unreachable(String(error)),
    onFrame: () => {},
  });
  const finish = async () => {
    await log.finish();
    let sequence = 1;
    let line = 1;
    for (const { header } of frames) {
      expect(header.sequence).toBe(sequence++);
      expect(header.firstLine).toBe(line);
      line += header.lines;
    }
    return frames.flatMap(linesOf);
  };
  return { log, window, frames, masks, told, finish };
}

test('any bytes in any chunks come out as the same lines, in frames without a gap', async () => {
  const byte = fc.oneof(fc.constantFrom(10, 13, 0, 0x1b, 0xc3, 0xa9), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        { maxLength: 12 },
      ),
      fc.array(byte, { maxLength: 60 }),
      async (chunks, tail) => {
        const { log, finish } = open();
        const output = log.output(STEP);
        const all = [...chunks, Buffer.from(tail)];
        for (const [index, chunk] of all.entries()) {
          output.write(Buffer.from(chunk));
          if (index % 3 === 0) await Promise.resolve();
        }
        output.end();
        const seen = (await finish()).map((line) => `${line.bytes}\n`).join('');
        const given = Buffer.concat(all).toString('latin1');
        expect(seen).toBe(given === '' || given.endsWith('\n') ? given : `${given}\n`);
      },
    ),
  );
});

test('a line of a quiet job is a frame at once; lines that follow wait for its acknowledgement', async () => {
  const { log, frames, window } = open({ acknowledge: false });
  log.say('one');
  await Promise.resolve();
  expect(frames.length).toBe(1);
  log.say('two');
  log.say('three');
  await Promise.resolve();
  expect(frames.length).toBe(1);
  window.acknowledge(1);
  expect(frames.map(({ text }) => String(text))).toEqual(['one\n', 'two\nthree\n']);
});

test('a loud job is cut into frames of about the limit, which do not wait for each other', async () => {
  const { log, frames, finish } = open({ acknowledge: false });
  const output = log.output(STEP);
  const chunk = Buffer.from(`${'x'.repeat(99)}\n`.repeat(600));
  for (let i = 0; i < 40; i++) output.write(chunk);
  const lines = await finish();
  expect(lines.length).toBe(24_000);
  expect(frames.length).toBeGreaterThan(6);
  for (const { text } of frames.slice(1, -1)) expect(text.length).toBeGreaterThanOrEqual(FRAME_TEXT);
});

test('what a step says to Kiln is obeyed and not shown, or shown with its level', async () => {
  const { log, told, finish } = open();
  const output = log.output(STEP);
  output.write(Buffer.from('start\n::kiln progress 45 half way\n::kiln progress 50%\n::kiln err'));
  output.write(Buffer.from('or it broke\n::kiln warning careful\r\n::kiln mask hunter22\nhunter22 is here\n'));
  output.write(Buffer.from('not at the start ::kiln progress 99\n::kiln dance\n::kiln progress x\n'));
  output.end();
  expect((await finish()).map(({ text, level }) => [text, LOG_LEVELS[level]])).toEqual([
    ['start', 'INFO'],
    ['it broke', 'ERROR'],
    ['careful', 'WARN'],
    ['*** is here', 'INFO'],
    ['not at the start ::kiln progress 99', 'INFO'],
    ['::kiln dance', 'WARN'],
    ['::kiln progress x', 'WARN'],
  ]);
  expect(told).toEqual([
    [45, 'half way'],
    [50, ''],
  ]);
  expect(log.causes.of(STEP)).toEqual({ line: 2, text: 'it broke' });
});

test('past its limit the output is cut once, visibly, while Kiln still speaks and commands still work', async () => {
  const { log, told, finish } = open({ limitBytes: 25 });
  const output = log.output(STEP);
  output.write(Buffer.from('0123456789\n0123456789\n0123456789\n'));
  output.write(Buffer.from('::kiln progress 70\nmore\n'));
  output.end();
  log.say('the end');
  const lines = await finish();
  expect(lines.map(({ text }) => text)).toEqual([
    '0123456789',
    '0123456789',
    '✂ the log reached its limit of 25 bytes; the job goes on, its further output is not kept',
    'the end',
  ]);
  expect(told).toEqual([[70, '']]);
});

test('secrets are masked in what Kiln says, in what steps print and in their last words', async () => {
  const { log, masks, finish } = open();
  masks.add('s3cret-value');
  log.say('$ curl -H s3cret-value\nsecond line');
  const output = log.output(STEP);
  output.write(Buffer.from('token=s3cr'));
  output.write(Buffer.from('et-value\n'));
  output.end();
  expect((await finish()).map(({ text }) => text)).toEqual(['$ curl -H *** second line', 'token=***']);
  expect(log.causes.of(STEP)).toEqual({ line: 2, text: 'token=***' });
});

test('the cause is the first error of the step, else what it said last', async () => {
  const { log, finish } = open();
  const first = log.output(STEP);
  first.write(Buffer.from('error: but it goes on\nfine\n'));
  const second = log.output({ phase: 0, step: 1 });
  second.write(Buffer.from('doing\n\u001b[31mlast words\u001b[0m\n\n  \n'));
  const third = log.output({ phase: 0, step: 2 });
  third.write(Buffer.from('a\nb: error: this one\nerror: that one\nmake: *** [x] Error 1\n'));
  await finish();
  expect(log.causes.of(STEP)).toEqual({ line: 1, text: 'error: but it goes on' });
  expect(log.causes.of({ phase: 0, step: 1 })).toEqual({ line: 4, text: 'last words' });
  expect(log.causes.of({ phase: 0, step: 2 })).toEqual({ line: 8, text: 'b: error: this one' });
});

test('lines whose level changes all the time make frames with small headers', async () => {
  const { log, frames, finish } = open();
  const output = log.output(STEP);
  for (let n = 0; n < 40; n++) output.write(Buffer.from('E: \n\nW: \n'.repeat(6000)));
  output.end();
  expect(await finish()).toHaveLength(40 * 6000 * 3);
  expect(Math.max(...frames.map((frame) => frame.header.runs.length))).toBeLessThan(40_000);
  expect(Math.max(...frames.map((frame) => JSON.stringify(frame.header).length))).toBeLessThan(2 * 2 ** 20);
});

import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { JobLog } from './job-log.ts';
import { Masks } from './mask.ts';
import { FrameWindow } from './window.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-format-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The frames of a log with small and large ones, one after another. */
async function someLog(): Promise<Buffer> {
  const frames: Uint8Array[] = [];
  const window = new FrameWindow({
    send: (frame) => frames.push(frame) > 0,
    onChange: () => log.settle(),
    onRefused: () => {},
    onLoss: () => {},
    spoolPath: join(folder, 'spool'),
    spoolLimit: 0,
  });
  const log: JobLog = new JobLog({
    jobId: randomUUID(),
    attempt: 1,
    masks: new Masks(),
    limitBytes: 2 ** 40,
    window,
    onProgress: () => {},
    onFault: (error) => expect.unreachable(String(error)),
    onFrame: () => {},
  });
  const output = log.output({ phase: 0, step: 0 });
  log.say('Run: 1 | Trace: 2');
  await Promise.resolve();
  for (let i = 1; i <= 20_000; i++) output.write(Buffer.from(`line ${i} is like the others\n`));
  output.write(Buffer.from('main.c:3: error: the last\n'));
  await log.finish();
  expect(frames.length).toBeGreaterThan(3);
  return Buffer.concat(frames);
}

test('frames one after another are a zstd file of the plain log, and the documented program reads them', async () => {
  const path = join(folder, 'sealed');
  writeFileSync(path, await someLog());
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i + 1} is like the others`);
  const expected = ['Run: 1 | Trace: 2', ...lines, 'main.c:3: error: the last'];
  const plain = execFileSync('zstd', ['-dc', '--stdout', path], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  expect(plain).toBe(`${expected.join('\n')}\n`);

  const page = readFileSync(new URL('../../../../docs/log-format.md', import.meta.url), 'utf8');
  const program = /```js\n(.*?)```/s.exec(page)?.[1] ?? '';
  writeFileSync(join(folder, 'reader.mjs'), program);
  const told = execFileSync(process.execPath, [join(folder, 'reader.mjs'), path], {
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  });
  const toldLines = told.trimEnd().split('\n');
  expect(toldLines.length).toBe(expected.length);
  expect(toldLines[0]).toMatch(/^1 \S+Z INFO Run: 1 \| Trace: 2$/);
  expect(toldLines.at(-1)).toMatch(/^20002 \S+Z ERROR main\.c:3: error: the last$/);
});

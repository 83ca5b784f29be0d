import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { createLogger } from '@kiln/service/log.ts';
import { FolderBlobs } from '@kiln/store/blobs/folder.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archiveNext } from './archive.ts';
import { sealNext } from './seal.ts';
import { age, type TestLog, testFigures, testLog } from './testing-logs.ts';
import type { RetentionContext } from './work.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;
let context: RetentionContext;
let log: TestLog;
beforeAll(async () => {
  made = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'kiln-format-'));
  const logger = createLogger({ level: 'error', format: 'json', service: 'orchestrator', instance: 'test' });
  context = { db: made.db, blobs: new FolderBlobs(folder), log: logger, instance: 'test' };
  // More text than one frame holds.
  log = await testLog(made.db, { frames: 40, lines: 2000 });
});
afterAll(async () => {
  await made.drop();
  await rm(folder, { recursive: true });
});

const { signal } = new AbortController();
const move = {
  sealed: async () => await sealNext(context, testFigures(made.db), signal),
  archived: async () => {
    await age(made.db, log, 31);
    return await archiveNext(context, testFigures(made.db), 30 * 86_400_000, signal);
  },
};

test.each(['sealed', 'archived'] as const)(
  'what the page about the format says is true of a log that is %s',
  async (state) => {
    expect(await move[state]()).toBe('done');
    const [row] = await made.db<{ key: string }[]>`SELECT key FROM sealed_logs`;
    const path = join(folder, row?.key ?? '');
    const options = { encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
    expect(execFileSync('zstd', ['-dc', path], options)).toBe(log.text);

    const page = await readFile(new URL('../../../../docs/log-format.md', import.meta.url), 'utf8');
    const reader = join(folder, 'reader.mjs');
    await writeFile(reader, /```js\n(.*?)```/s.exec(page)?.[1] ?? '');
    const told = execFileSync(process.execPath, [reader, path], options);
    expect(told).toBe(log.lines.map(({ line, time, level, text }) => `${line} ${time} ${level} ${text}\n`).join(''));

    const file = await readFile(path);
    expect(file.toString('latin1', file.length - 4)).toBe('KLIX');
    const begin = file.length - file.readUInt32LE(file.length - 8);
    expect(file.readUInt32LE(begin)).toBe(0x184d2a5c);
    const index = JSON.parse(zstdDecompressSync(file.subarray(begin + 8, -8)).toString());
    expect(index).toMatchObject({
      v: 1,
      job: log.jobId,
      attempt: 1,
      lines: 80_000,
      bytes: Buffer.byteLength(log.text),
    });
    expect(index.frames.length).toBeGreaterThan(1);
    const [firstLine, lines, offset, size, bytes, earliest, latest] = index.frames[1];
    const some = log.lines.slice(firstLine - 1, firstLine - 1 + lines);
    expect([earliest, latest]).toEqual([some[0], some.at(-1)].map((line) => Date.parse(line?.time ?? '')));
    const text = some.map((line) => `${line.text}\n`).join('');
    expect(Buffer.byteLength(text)).toBe(bytes);
    const frame = file.subarray(offset, offset + size);
    expect(execFileSync('zstd', ['-dc'], { ...options, input: frame })).toBe(text);
  },
);

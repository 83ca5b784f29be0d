import { closeSync, mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OutputReader } from './output-reader.ts';
import { PipePool } from './pipe-pool.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-reader-'));
const pipes = new PipePool(join(folder, 'pipes'));
beforeAll(async () => await pipes.open());
afterAll(async () => {
  await pipes.close();
  rmSync(folder, { recursive: true });
});

async function open(write: (text: string) => boolean) {
  const { readEnd, writeEnd } = await pipes.take();
  return { reader: new OutputReader(readEnd, { write: (chunk) => write(chunk.toString()) }), writeEnd };
}

/** Settles when whatever was written until now would have been read by a reader that reads. */
async function caughtUp(): Promise<void> {
  const arrived = Promise.withResolvers<void>();
  const { reader, writeEnd } = await open(() => {
    arrived.resolve();
    return true;
  });
  writeSync(writeEnd, 'x');
  await arrived.promise;
  closeSync(writeEnd);
  await reader.ended;
}

test('a sink that wants no more is left alone until it is told to go on, and nothing is lost', async () => {
  const seen: string[] = [];
  const { reader, writeEnd } = await open((text) => {
    seen.push(text);
    return false;
  });
  writeSync(writeEnd, 'one');
  await caughtUp();
  writeSync(writeEnd, 'two');
  await caughtUp();
  expect(seen).toEqual(['one']);
  reader.resume();
  await caughtUp();
  expect(seen).toEqual(['one', 'two']);
  closeSync(writeEnd);
  reader.resume();
  await reader.ended;
});

test('waiting for the end does not count the time in which the sink wanted nothing, unless it is forced', async () => {
  let seen = '';
  const { reader, writeEnd } = await open((text) => {
    seen += text;
    return false;
  });
  writeSync(writeEnd, 'a');
  await caughtUp();
  writeSync(writeEnd, 'b');
  closeSync(writeEnd);
  const drained = reader.drained(60);
  // Another one, whose sink takes everything, is given a longer limit later and reaches it.
  const other = await open(() => true);
  expect(await other.reader.drained(200)).toBe(false);
  expect(await Promise.race([drained, Promise.resolve('waiting')])).toBe('waiting');
  closeSync(other.writeEnd);
  reader.force();
  expect(await drained).toBe(true);
  expect(seen).toBe('ab');
});

test('a pipe that stays open is given up after the limit', async () => {
  const { reader, writeEnd } = await open(() => true);
  expect(await reader.drained(60)).toBe(false);
  closeSync(writeEnd);
  await reader.ended;
  expect(await reader.drained(60)).toBe(true);
});

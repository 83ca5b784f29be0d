import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { OutputReader } from './output-reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-reader-'));
afterAll(() => rmSync(folder, { recursive: true }));

function open(write: (text: string) => boolean) {
  const path = join(folder, 'pipe');
  rmSync(path, { force: true });
  execFileSync('mkfifo', [path]);
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, 'w');
  return { reader: new OutputReader(readEnd, { write: (chunk) => write(chunk.toString()) }), writeEnd };
}

test('a sink that wants no more is left alone until it is told to go on, and nothing is lost', async () => {
  const seen: string[] = [];
  const { reader, writeEnd } = open((text) => {
    seen.push(text);
    return false;
  });
  writeSync(writeEnd, 'one');
  await sleep(30);
  writeSync(writeEnd, 'two');
  await sleep(30);
  expect(seen).toEqual(['one']);
  reader.resume();
  await sleep(30);
  expect(seen).toEqual(['one', 'two']);
  closeSync(writeEnd);
  reader.resume();
  await reader.ended;
});

test('waiting for the end does not count the time in which the sink wanted nothing, unless it is forced', async () => {
  let seen = '';
  const { reader, writeEnd } = open((text) => {
    seen += text;
    return false;
  });
  writeSync(writeEnd, 'a');
  await sleep(30);
  writeSync(writeEnd, 'b');
  closeSync(writeEnd);
  const drained = reader.drained(60);
  expect(await Promise.race([drained, sleep(250).then(() => 'waiting')])).toBe('waiting');
  reader.force();
  expect(await drained).toBe(true);
  expect(seen).toBe('ab');
});

test('a pipe that stays open is given up after the limit', async () => {
  const { reader, writeEnd } = open(() => true);
  expect(await reader.drained(60)).toBe(false);
  closeSync(writeEnd);
  await reader.ended;
  expect(await reader.drained(60)).toBe(true);
});

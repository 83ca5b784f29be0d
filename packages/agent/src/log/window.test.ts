import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FrameWindow } from './window.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-window-'));
afterAll(() => rmSync(folder, { recursive: true }));

function open(options: { spoolLimit?: number; spoolPath?: string } = {}) {
  const sent: string[] = [];
  const state = { connected: true, refused: 0, lost: 0 };
  const spoolPath = options.spoolPath ?? join(folder, randomUUID());
  const window = new FrameWindow({
    send: (frame) => {
      if (state.connected) sent.push(Buffer.from(frame).toString('latin1'));
      return state.connected;
    },
    onChange: () => {},
    onRefused: () => state.refused++,
    onLoss: () => state.lost++,
    spoolPath,
    spoolLimit: options.spoolLimit ?? 100_000,
    memoryLimit: 1000,
  });
  return { window, sent, state, spoolPath };
}

function frame(sequence: number, size = 100): Buffer {
  return Buffer.from(`${sequence}:`.padEnd(size, 'x'));
}

const sequences = (sent: string[]) => sent.map((text) => Number(text.split(':')[0]));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function until(condition: () => boolean): Promise<void> {
  await expect.poll(condition, { timeout: 25_000, interval: 5 }).toBe(true);
}

test('frames are sent as they come and kept until they are acknowledged', () => {
  const { window, sent } = open();
  for (const sequence of range(1, 3)) window.push(sequence, frame(sequence));
  expect(sequences(sent)).toEqual([1, 2, 3]);
  expect(window.unacknowledged).toBe(3);
  window.acknowledge(2);
  expect(window.unacknowledged).toBe(1);
});

test('a new connection gets what the other end does not have, in order, nothing twice', () => {
  const { window, sent, state } = open();
  for (const sequence of range(1, 4)) window.push(sequence, frame(sequence));
  window.acknowledge(1);
  state.connected = false;
  window.push(5, frame(5));
  expect(window.allSent).toBe(false);
  sent.length = 0;
  state.connected = true;
  window.resend(2);
  expect(sequences(sent)).toEqual([3, 4, 5]);
  expect(window.allSent).toBe(true);
});

test('what does not fit into memory waits on disk and comes back in order', async () => {
  const { window, sent, state, spoolPath } = open();
  state.connected = false;
  for (const sequence of range(1, 60)) window.push(sequence, frame(sequence));
  await until(() => existsSync(spoolPath));
  expect(window.spooledBytes).toBe(5000);
  state.connected = true;
  window.resend(0);
  for (let acked = 0; acked < 60; acked = sequences(sent).at(-1) ?? 0) {
    const last = sequences(sent).at(-1) ?? 0;
    window.acknowledge(last);
    if (last < 60) await until(() => (sequences(sent).at(-1) ?? 0) > last);
  }
  expect(sequences(sent)).toEqual(range(1, 60));
  expect(Buffer.from(sent[42] ?? '')).toEqual(frame(43));
  expect(window.allSent).toBe(true);
  await until(() => !existsSync(spoolPath));
});

test('frames that come while the disk is read keep their place', async () => {
  const { window, sent } = open();
  let next = 1;
  const pushed = setInterval(() => {
    for (let i = 0; i < 7 && next <= 400; i++) window.push(next, frame(next++));
  }, 1);
  const acked = setInterval(() => window.acknowledge(Math.max(0, (sequences(sent).at(-1) ?? 0) - (next % 3))), 2);
  await until(() => sequences(sent).at(-1) === 400);
  clearInterval(pushed);
  clearInterval(acked);
  expect(sequences(sent)).toEqual(range(1, 400));
});

test('it is full when the disk holds its limit, and not any more after acknowledgements', async () => {
  const { window, state } = open({ spoolLimit: 500 });
  state.connected = false;
  for (const sequence of range(1, 14)) window.push(sequence, frame(sequence));
  expect(window.full).toBe(false);
  window.push(15, frame(15));
  expect(window.full).toBe(true);
  window.acknowledge(10);
  await until(() => !window.full);
});

test('without a spool the memory is the limit', () => {
  const { window, state, spoolPath } = open({ spoolLimit: 0 });
  state.connected = false;
  for (const sequence of range(1, 10)) window.push(sequence, frame(sequence));
  expect(window.full).toBe(true);
  window.push(11, frame(11));
  window.acknowledge(5);
  expect(window.full).toBe(false);
  expect(window.unacknowledged).toBe(6);
  expect(existsSync(spoolPath)).toBe(false);
});

test('a disk that refuses loses nothing: the frames stay in memory', async () => {
  const { window, sent, state } = open({ spoolPath: join(folder, 'no', 'such', 'folder') });
  state.connected = false;
  for (const sequence of range(1, 20)) window.push(sequence, frame(sequence));
  await until(() => state.refused === 10);
  state.connected = true;
  window.resend(0);
  window.acknowledge(10);
  await until(() => sequences(sent).at(-1) === 20);
  expect(sequences(sent)).toEqual(range(1, 20));
});

test('after a loss nothing is sent beyond it, and the last sequence says so', async () => {
  const { window, sent, state, spoolPath } = open();
  for (const sequence of range(1, 20)) window.push(sequence, randomBytes(100));
  await until(() => existsSync(spoolPath) && statSync(spoolPath).size === 1000);
  truncateSync(spoolPath, 50);
  window.acknowledge(10);
  await until(() => state.lost === 1);
  window.push(21, frame(21));
  expect(sent.length).toBe(10);
  expect(window.lastSequence).toBe(10);
  expect(window.allSent).toBe(true);
});

test('closing removes the file', async () => {
  const { window, state, spoolPath } = open();
  state.connected = false;
  for (const sequence of range(1, 20)) window.push(sequence, frame(sequence));
  await until(() => existsSync(spoolPath));
  await window.close();
  expect(existsSync(spoolPath)).toBe(false);
});

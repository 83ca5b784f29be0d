import { zstdCompressSync } from 'node:zlib';
import { decodeFrame, encodePackedFrame, FrameError, type FrameHeader, packedHeader } from '@kiln/protocol/frame.ts';
import { expect, test } from 'vitest';
import { readFrame } from './read-frame.ts';

const header: FrameHeader = {
  v: 1,
  job: 'x',
  attempt: 2,
  sequence: 3,
  firstLine: 10,
  lines: 4,
  bytes: 8,
  runs: [
    [1, 1_700_000_000_123, 1, 'kiln', -1, -1],
    [2, 1_700_000_000_100, 4, 'PACKER', 2, 65_535, 'Installing'],
    [1, 1_700_000_000_456, 0, 'output', 0, 0],
  ],
};
const text = zstdCompressSync('a\nb\nc\nd\n');
const packed = (json: string | Uint8Array) => encodePackedFrame(zstdCompressSync(json), text);

test('a packed header is the same when it is read', () => {
  const frame = packed(packedHeader(header));
  expect(readFrame(frame).header).toEqual(header);
  expect(Buffer.from(readFrame(frame).compressed)).toEqual(text);
});

test('an agent can not send a packed one', () => {
  expect(() => decodeFrame(packed(packedHeader(header)))).toThrow(FrameError);
});

const change = (more: object) =>
  JSON.stringify({ ...JSON.parse(Buffer.from(packedHeader(header)).toString()), ...more });

test.each<[string, Uint8Array]>([
  ['is no zstd', encodePackedFrame(Buffer.from('garbage'), text)],
  ['unpacks to gigabytes', packed(Buffer.alloc(64 * 1024 * 1024))],
  ['is no JSON', packed('{')],
  ['is null', packed('null')],
  ['lacks a column', packed(change({ steps: undefined }))],
  ['has a column that is none', packed(change({ times: 5 }))],
  ['has a short column', packed(change({ times: [1] }))],
  ['has texts for numbers', packed(change({ counts: ['1', '2', '1'] }))],
  ['does not add up', packed(change({ counts: [1, 2, 2] }))],
])('a header that %s is refused', (_what, frame) => {
  expect(() => readFrame(frame)).toThrow(FrameError);
});

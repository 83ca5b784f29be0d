import { zstdCompressSync } from 'node:zlib';
import { encodeFrame, encodePackedFrame, type FrameHeader, packedHeader } from '@kiln/protocol/frame.ts';
import { decompress } from 'fzstd';
import { describe, expect, it } from 'vitest';
import { readFrame } from './frame.ts';

const head: FrameHeader = {
  v: 1,
  job: '11111111-1111-4111-8111-111111111111',
  attempt: 1,
  sequence: 7,
  firstLine: 41,
  lines: 3,
  bytes: 6,
  runs: [
    [2, 1_700_000_000_000, 1, 'output', 0, 0],
    [1, 1_700_000_000_250, 3, 'ANSIBLE', 1, -1, 'Installing packages'],
  ],
};
const text = zstdCompressSync('a\nb\nc\n');

describe('a frame in the browser', () => {
  it.each([
    ['as it comes from a running job', encodeFrame(head, text)],
    ['as a sealed log has it', encodePackedFrame(zstdCompressSync(packedHeader(head)), text)],
  ])('is read %s', (_, bytes) => {
    const { header, compressed } = readFrame(bytes);
    expect(header).toEqual(head);
    expect(new TextDecoder().decode(decompress(compressed))).toBe('a\nb\nc\n');
  });

  it('is refused when it is none', () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(64), encodeFrame(head, text).subarray(0, 20)]) {
      expect(() => readFrame(bytes)).toThrow(TypeError);
    }
  });
});

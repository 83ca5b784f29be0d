import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { isSigned } from './signatures.ts';

const sign = (body: Buffer, secret = 's3cret') => createHmac('sha256', secret).update(body).digest('hex');

test.each([
  ['JSON', Buffer.from('{"ref":"refs/tags/v1 – ünïcode"}')],
  ['nothing', Buffer.alloc(0)],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
])('a signature over %s counts for those very bytes and no others', async (_what, body) => {
  const other = Buffer.concat([body, Buffer.from(' ')]);
  expect(await isSigned(body, 's3cret', sign(body))).toBe(true);
  expect(await isSigned(body, 's3cret', `sha256=${sign(body).toUpperCase()}`, 'sha256=')).toBe(true);
  expect(await isSigned(other, 's3cret', sign(body))).toBe(false);
  expect(await isSigned(body, 's3cret', sign(body, 'other'))).toBe(false);
});

test.each([undefined, '', 'sha256=', 'abc', `${'0'.repeat(63)}x`, `sha1=${'0'.repeat(64)}`])(
  'the signature %j is none',
  async (signature) => {
    expect(await isSigned(Buffer.from('{}'), 's3cret', signature, 'sha256=')).toBe(false);
  },
);

import { expect, test } from 'vitest';
import { partOf } from './part-of.ts';

const file = { bytes: 10, modifiedAt: new Date('2026-01-02T03:04:05.678Z'), etag: '"abc"' };
const DATE = 'Fri, 02 Jan 2026 03:04:05 GMT';

test.each([
  ['bytes=2-4', 206, 2, 3, 'bytes 2-4/10'],
  ['bytes=2-', 206, 2, 8, 'bytes 2-9/10'],
  ['bytes=-3', 206, 7, 3, 'bytes 7-9/10'],
  ['bytes=-30', 206, 0, 10, 'bytes 0-9/10'],
  ['bytes=9-99', 206, 9, 1, 'bytes 9-9/10'],
  ['bytes=4-2', 200, 0, 10, null],
  ['bytes=0-1,3-4', 200, 0, 10, null],
  ['bytes=-', 200, 0, 10, null],
  ['lines=1-2', 200, 0, 10, null],
])('of a range %s', (range, status, offset, length, contentRange) => {
  expect(partOf({ range }, file)).toEqual({ status, range: { offset, length }, contentRange });
});

test('a range that begins after the end is refused', () => {
  const refused = { status: 416, range: null, contentRange: 'bytes */10' };
  for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=-0']) expect(partOf({ range }, file)).toEqual(refused);
  expect(partOf({ range: 'bytes=0-' }, { ...file, bytes: 0 })).toMatchObject({ status: 416 });
});

test('a range of a version that is gone is everything of this one', () => {
  const status = (ifRange: string) => partOf({ range: 'bytes=2-', 'if-range': ifRange }, file).status;
  expect([status('"abc"'), status(DATE), status('"old"'), status('Thu, 01 Jan 2026 03:04:05 GMT')]).toEqual([
    206, 206, 200, 200,
  ]);
});

test('what the client has is not sent again', () => {
  const status = (headers: Record<string, string>) => partOf(headers, file).status;
  expect(status({ 'if-none-match': '"x", W/"abc"' })).toBe(304);
  expect(status({ 'if-none-match': '*' })).toBe(304);
  expect(status({ 'if-none-match': '"x"', 'if-modified-since': DATE })).toBe(200);
  expect(status({ 'if-modified-since': DATE })).toBe(304);
  expect(status({ 'if-modified-since': 'Fri, 02 Jan 2026 03:04:04 GMT' })).toBe(200);
  expect(status({ 'if-modified-since': 'yesterday' })).toBe(200);
});

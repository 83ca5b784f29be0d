import { expect, test } from 'vitest';
import { describeSpan, parseDate, parseTimespan } from './timespan.ts';

test('spans as systemctl prints them', () => {
  expect(parseTimespan('30s')).toBe(30);
  expect(parseTimespan('4h 17.808133s')).toBeCloseTo(14_417.808133);
  expect(parseTimespan('1y 2month 3w 4d 5h 6min 7s 8ms 9us')).toBeCloseTo(
    31_557_600 + 2 * 2_629_800 + 3 * 604_800 + 4 * 86_400 + 5 * 3600 + 6 * 60 + 7.008009,
  );
  expect(parseTimespan('0')).toBe(0);
});

test('what is no span is none', () => {
  for (const text of ['', 'infinity', '[not set]', 'n/a', '5', '5 parsecs', 's', '-3s', '18446744073709551615'])
    expect(parseTimespan(text), text).toBeNull();
});

test('dates as systemctl prints them in UTC', () => {
  expect(parseDate('Tue 2026-11-24 16:55:29 UTC')).toBe(1_795_539_329);
  expect(parseDate('Tue 2026-11-24 16:55:29.250000 UTC')).toBe(1_795_539_329.25);
  for (const text of ['', 'n/a', 'Tue 2026-11-24 16:55:29 CET', 'gestern']) expect(parseDate(text), text).toBeNull();
});

test('spans for people', () => {
  expect(describeSpan(0.2)).toBe('0s');
  expect(describeSpan(61)).toBe('1min 1s');
  expect(describeSpan(90_061)).toBe('1d 1h');
});

import { LINE_LIMIT, LineSplitter } from '@kiln/service/frames/lines.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Masks } from './mask.ts';
import { secretForms } from './secret-forms.ts';

function maskedBy(masks: Masks, text: string): string {
  return masks.maskText(text);
}

function masksOf(...values: string[]): Masks {
  const masks = new Masks();
  for (const value of values) expect(masks.add(value)).toBe(true);
  return masks;
}

test('a value is hidden as it is, in base64, URL-encoded and escaped', () => {
  const secret = 'pa$$ w"ord/ü+1';
  const masks = masksOf(secret);
  const base64 = Buffer.from(secret).toString('base64');
  for (const form of [
    secret,
    base64,
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    encodeURIComponent(secret).replaceAll('%20', '+'),
    JSON.stringify(secret).slice(1, -1),
  ]) {
    expect(maskedBy(masks, `before ${form} after`)).toBe('before *** after');
  }
});

test('base64 of something that holds a secret shows nothing of it', () => {
  const secret = 'correct horse battery';
  const masks = masksOf(secret);
  for (const user of ['a', 'ab', 'abc', 'abcd']) {
    const shown = maskedBy(masks, Buffer.from(`${user}:${secret}`).toString('base64'));
    expect(shown).toContain('***');
    expect(Buffer.from(shown.replaceAll('***', ''), 'base64').toString('latin1')).not.toContain('horse');
  }
});

test('a value of several lines is hidden line by line, also as base64(1) breaks it', () => {
  const key = `-----BEGIN KEY-----\n${'Q2hhbmdlIG1l'.repeat(5)}\n${'dGhpcyB0b28h'.repeat(5)}\n-----END KEY-----\n`;
  const masks = masksOf(key);
  for (const line of key.split('\n').filter(Boolean)) expect(maskedBy(masks, `key: ${line}`)).toBe('key: ***');
  const broken = Buffer.from(key).toString('base64').replace(/.{76}/g, '$&\n');
  for (const line of broken.split('\n').filter((part) => part.length >= 8)) expect(maskedBy(masks, line)).toBe('***');
});

test('the second secret does not make the first one forgotten', () => {
  const masks = masksOf('first-secret');
  masks.add('second-secret');
  expect(maskedBy(masks, 'first-secret second-secret')).toBe('*** ***');
});

test('secrets that overlap are hidden as one', () => {
  expect(maskedBy(masksOf('abcdef', 'defghi'), 'xabcdefghix')).toBe('x***x');
});

test('a short value is refused, and hides nothing', () => {
  const masks = new Masks();
  expect(masks.add('abc')).toBe(false);
  expect(maskedBy(masks, 'abcabc')).toBe('abcabc');
});

test('bytes that are no UTF-8 pass unharmed', () => {
  const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x80]).toString('latin1');
  expect(masksOf('secret-value').maskLatin1(`${bytes}secret-value${bytes}`)).toBe(`${bytes}***${bytes}`);
});

const secretText = fc.oneof(
  fc.string({ minLength: 4, maxLength: 40, unit: 'grapheme' }),
  fc.string({ minLength: 4, maxLength: 12, unit: fc.constantFrom('a', 'b', '*', '/', '+', '=', ' ', '\n', 'é') }),
);

test('no form of any secret survives, whatever surrounds it and however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(secretText, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(2), fc.nat(40), fc.string({ maxLength: 10 })), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 30 }),
      (secrets, parts, size) => {
        const masks = new Masks();
        const known = secrets.filter((secret) => masks.add(secret));
        const forms = known.flatMap(secretForms);
        const text = parts
          .map(([which, form, between]) => {
            const own = secretForms(known[which % Math.max(1, known.length)] ?? '');
            return (own[form % Math.max(1, own.length)] ?? '') + Buffer.from(between).toString('latin1');
          })
          .join('');
        const bytes = Buffer.from(text, 'latin1');
        let seen = '';
        const splitter = new LineSplitter((block) => {
          seen += masks.maskLatin1(block.toString('latin1'));
        }, masks);
        for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
        splitter.flush();
        for (const form of forms) expect(seen.includes(form)).toBe(false);
      },
    ),
    { numRuns: 300 },
  );
});

test('a secret is not torn where a long line is cut', () => {
  const secret = 'a-rather-long-secret-value';
  const masks = masksOf(secret);
  for (let place = LINE_LIMIT - secret.length - 2; place <= LINE_LIMIT + 2; place++) {
    let seen = '';
    const splitter = new LineSplitter((block) => {
      seen += masks.maskLatin1(block.toString('latin1'));
    }, masks);
    const line = Buffer.from(`${'.'.repeat(place)}${secret}${'.'.repeat(200)}\n`);
    for (let at = 0; at < line.length; at += 50_000) splitter.push(line.subarray(at, at + 50_000));
    expect(seen).not.toMatch(/secret|rather|value/);
    expect(seen).toContain('***');
  }
});

import { expect, test } from 'vitest';
import { PatternMask } from './mask-patterns.ts';

const masked = (text: string) => new PatternMask().mask(text);

test.each([
  ['password=x', 'password=***'],
  ['export DB_PASSWORD="two words" && run', 'export DB_PASSWORD=***" && run'],
  ['{"password": "hunter2", "user": "bob"}', '{"password": ***", "user": "bob"}'],
  ['{\\"secret\\":\\"hunter2\\",\\"a\\":1}', '{\\"secret\\":***",\\"a\\":1}'],
  ['mysql --password hunter2 -u root', 'mysql --password *** -u root'],
  ['curl https://x.example/?token=abc', 'curl https://x.example/?token=***'],
  ['API_KEY: abc', 'API_KEY: ***'],
  ['Server=db;Pwd=hunter2', 'Server=db;Pwd=***'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
  ["-H 'Authorization: Basic dTpw'", "-H 'Authorization: Basic ***'"],
  ['authorization: abcdef', 'authorization: ***'],
  ['sent Bearer 0123456789abcdef', 'sent Bearer ***'],
  ['Set-Cookie: a=b; Path=/', 'Set-Cookie: ***'],
  ['git clone https://bob:hunter2@git.example/x.git', 'git clone https://bob:***@git.example/x.git'],
  ['AKIAIOSFODNN7EXAMPLE is the id', '*** is the id'],
  ['aws_secret_access_key = wJalrXUtnFEMI/K7MDENG', 'aws_secret_access_key = ***'],
  [`push with ghp_${'a'.repeat(36)}`, 'push with ***'],
  ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'jwt ***'],
])('%s', (line, expected) => expect(masked(line)).toBe(expected));

test.each([
  'PWD=/home/builder',
  'docker pull https://registry:5000/image@sha256:0123',
  'read 5 tokens from the parser',
  'ssh://git@git.example/x.git',
  'the password was changed',
])('leaves %s', (line) => expect(masked(line)).toBe(line));

test('a private key is hidden, however many lines it has, and what follows is not', () => {
  const mask = new PatternMask();
  const lines = ['a', '-----BEGIN RSA PRIVATE KEY-----', 'MIIE', 'abc=', '-----END RSA PRIVATE KEY-----', 'b'];
  expect(lines.map((line) => mask.mask(line))).toEqual(['a', '***', '***', '***', '***', 'b']);
});

test('the work grows with the length of a line only, whatever it is made of', () => {
  // Were any pattern worse than linear, lines of this length would run into the limit of the test by far.
  const bits = [
    'password',
    'password="',
    '://a:b',
    'eyJ-',
    'eyJaaaaaaaa.',
    '--a-a-a-token ',
    'Bearer ',
    'a',
    ' ',
    '=',
    'cookie:',
  ];
  for (const bit of bits) {
    const line = `token${bit.repeat(524_288 / bit.length)}`;
    expect(masked(line).length).toBeLessThanOrEqual(line.length);
  }
});

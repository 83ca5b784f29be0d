import type { Random } from './random.ts';

/** A part of a JSON schema, as OpenAPI has it. */
export interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
}

const UUID = '00000000-0000-4000-8000-000000000000';

/** Texts that break what trusts them. */
const TEXTS: readonly string[] = [
  '',
  '\0',
  'a\0b',
  '\ud800',
  '../../../../etc/passwd',
  '..\\..\\x',
  '/etc/passwd',
  'file:///etc/passwd',
  "'; DROP TABLE runs; --",
  '<script>alert(1)</script>',
  '%s%n%x',
  '${7*7}',
  '__proto__',
  'constructor',
  '\r\nX-Evil: 1',
  '\u202e\u0000\ufffe',
  '9'.repeat(400),
  'x'.repeat(70_000),
  '💩'.repeat(500),
  '(a+)+$'.repeat(50),
  UUID,
];

/** Values of every JSON type, the extremes of each among them. As JSON texts, since some can't be written otherwise. */
const VALUES: readonly string[] = [
  'null',
  'true',
  '0',
  '-1',
  '1.5',
  '1e999',
  '-9007199254740993',
  '99999999999999999999',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"x":1}}}',
  `[${'1,'.repeat(20_000)}1]`,
  '"\\u0000"',
  '"\\udc00"',
];

/** Something nobody expects, as JSON text. */
export function nastyJson(random: Random): string {
  return random.next() < 0.5 ? random.pick(VALUES) : JSON.stringify(random.pick(TEXTS));
}

/** A part of an address, escaped or, for what breaks escaping, not. */
export function nastyPart(random: Random): string {
  const raw = [
    '%',
    '%zz',
    '%ff%fe',
    '%00',
    '..%2f..%2f..%2fetc%2fpasswd',
    '%2e%2e',
    '.',
    '%252e%252e',
    'a'.repeat(900),
  ];
  if (random.next() < 0.4) return random.pick(raw);
  return encodeURIComponent(random.pick(TEXTS).toWellFormed()).slice(0, 4000) || UUID;
}

/** A JSON text to the schema, but for one value or more. */
export function almostValid(schema: Schema, random: Random): string {
  if (random.next() < 0.15) return nastyJson(random);
  const choice = schema.anyOf ? random.pick(schema.anyOf) : schema;
  if (choice.const !== undefined) return JSON.stringify(choice.const);
  if (choice.enum && choice.enum.length > 0) return JSON.stringify(random.pick(choice.enum));
  switch (choice.type) {
    case 'object': {
      const entries = Object.entries(choice.properties ?? {}).filter(() => random.next() < 0.85);
      if (random.next() < 0.1) entries.push(['surplus', {}]);
      return `{${entries.map(([name, of]) => `${JSON.stringify(name)}:${almostValid(of, random)}`).join(',')}}`;
    }
    case 'array':
      return `[${Array.from({ length: random.between(0, 3) }, () => almostValid(choice.items ?? {}, random)).join(',')}]`;
    case 'integer':
    case 'number':
      return String(random.pick([0, 1, -1, 2_147_483_648, Number.MAX_SAFE_INTEGER]));
    case 'boolean':
      return String(random.next() < 0.5);
    case 'string':
      return random.next() < 0.5 ? JSON.stringify(random.pick(TEXTS)) : '"hello"';
    default:
      return nastyJson(random);
  }
}

/** A body that is no body, with the type that it claims. */
export function nastyBody(schema: Schema | null, random: Random): { body: Buffer; type: string | null } {
  const json = 'application/json';
  const deep = random.pick([100, 5000, 200_000]);
  return random.pick([
    () => ({ body: Buffer.from(almostValid(schema ?? {}, random)), type: json }),
    () => ({ body: Buffer.from(almostValid(schema ?? {}, random)), type: json }),
    () => ({ body: Buffer.from(almostValid(schema ?? {}, random)), type: json }),
    () => ({ body: Buffer.from(nastyJson(random)), type: json }),
    () => ({ body: Buffer.from('['.repeat(deep) + ']'.repeat(deep)), type: json }),
    () => ({ body: Buffer.from('{"a":'.repeat(deep)), type: json }),
    () => ({ body: Buffer.alloc(0), type: json }),
    () => ({ body: random.bytes(random.between(1, 2000)), type: json }),
    () => ({
      body: Buffer.concat([Buffer.from('{"recipe":"'), Buffer.of(0xff, 0xc0, 0x80), Buffer.from('"}')]),
      type: json,
    }),
    () => ({ body: Buffer.alloc(1_500_000, '"'), type: json }),
    () => ({
      body: random.bytes(random.between(0, 500)),
      type: random.pick([
        'text/plain',
        'application/xml',
        'multipart/form-data; boundary=x',
        'application/x-www-form-urlencoded',
        'application/x-protobuf',
        'application/octet-stream',
        'application/json; charset=utf-16',
        ';;;',
        'a'.repeat(5000),
      ]),
    }),
    () => ({ body: Buffer.from('{}'), type: null }),
  ])();
}

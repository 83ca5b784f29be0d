/** Shorter values are not masked: they would appear by chance all over a log. */
export const SHORTEST_SECRET = 4;
/** Tools such as base64(1) break their output after this many characters. */
const BASE64_WIDTH = 76;
/** Shorter parts of an encoding would appear by chance. */
const SHORTEST_PART = 8;

/**
 * The forms in which a secret may appear in a log, as latin1 strings of their bytes, without a newline in any: the value
 * (line by line), URL-encoded, JSON-escaped, and in base64, also as the middle of something longer. Empty when the
 * value is too short.
 */
export function secretForms(value: string): string[] {
  const forms = new Set<string>();
  const whole = value.replace(/\r?\n$/, '');
  for (const line of whole.split(/\r?\n/).map((text) => text.trim())) {
    if (line.length < SHORTEST_SECRET) continue;
    forms.add(latin1(line));
    for (const encoded of urlForms(line)) forms.add(encoded);
    forms.add(latin1(JSON.stringify(line).slice(1, -1)));
    for (const encoded of base64Forms(Buffer.from(line))) forms.add(encoded);
  }
  if (whole.trim().length >= SHORTEST_SECRET && whole.includes('\n')) {
    for (const text of [whole, value]) {
      for (const encoded of base64Forms(Buffer.from(text))) forms.add(encoded);
      for (const encoded of urlForms(text)) forms.add(encoded);
      forms.add(latin1(JSON.stringify(text).slice(1, -1)));
    }
  }
  return [...forms];
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function urlForms(text: string): string[] {
  const upper = encodeURIComponent(text.toWellFormed());
  const lower = upper.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const strict = upper.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [upper, lower, strict, strict.replaceAll('%20', '+'), lower.replaceAll('%20', '+')];
}

function base64Forms(bytes: Buffer): string[] {
  const forms: string[] = [];
  const add = (text: string) => forms.push(text, text.replaceAll('+', '-').replaceAll('/', '_'));
  const exact = bytes.toString('base64');
  add(exact);
  add(exact.replace(/=+$/, ''));
  // Inside something longer, such as the credentials of an HTTP header, the value begins at one of three places in a
  // group of three bytes; the characters that it shares with its neighbours are left out.
  for (const offset of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]);
    const first = Math.ceil((offset * 8) / 6);
    const inner = shifted.toString('base64').slice(first, Math.floor((shifted.length * 8) / 6));
    if (inner.length >= SHORTEST_PART) add(inner);
  }
  for (let at = 0; exact.length > BASE64_WIDTH && at < exact.length; at += BASE64_WIDTH) {
    const line = exact.slice(at, at + BASE64_WIDTH);
    if (line.length >= SHORTEST_PART) add(line);
  }
  return forms;
}

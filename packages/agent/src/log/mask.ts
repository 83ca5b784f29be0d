import type { CutGuard } from '@kiln/service/frames/lines.ts';
import { secretForms } from './secret-forms.ts';

/** What stands in the place of a secret. */
export const MASK = '***';

interface Stretch {
  start: number;
  end: number;
}

/**
 * Hides registered values, in every form in which tools print them, from all that leaves the agent. Text is given as
 * latin1: one character a byte, so bytes that are no UTF-8 pass unharmed.
 */
export class Masks implements CutGuard {
  readonly #forms = new Set<string>();
  #pattern: RegExp | null = null;
  #longest = 0;

  get longest(): number {
    return this.#longest;
  }

  /** Hides `value` from now on. False when it is too short to be hidden without hiding half of the log. */
  add(value: string): boolean {
    const forms = secretForms(value);
    for (const form of forms) {
      this.#forms.add(form);
      this.#longest = Math.max(this.#longest, form.length);
    }
    if (forms.length > 0) this.#pattern = anyOf([...this.#forms]);
    return forms.length > 0;
  }

  /** Masks bytes given as latin1. Returns the very same string when there was nothing to hide. */
  maskLatin1(text: string): string {
    let masked = text;
    // Once more after a change: what stood on both sides of a secret may be another one together.
    while (this.#pattern?.test(masked)) {
      let rest = 0;
      let result = '';
      for (const { start, end } of this.#find(masked)) {
        result += masked.slice(rest, start) + MASK;
        rest = end;
      }
      masked = result + masked.slice(rest);
    }
    return masked;
  }

  /** Masks an ordinary string, such as an error's message. */
  maskText(text: string): string {
    if (this.#pattern === null) return text;
    const latin1 = Buffer.from(text, 'utf8').toString('latin1');
    const masked = this.maskLatin1(latin1);
    return masked === latin1 ? text : Buffer.from(masked, 'latin1').toString('utf8');
  }

  cutPoint(bytes: Buffer, limit: number): number {
    if (this.#pattern === null) return limit;
    const torn = this.#find(bytes.toString('latin1')).find(({ start, end }) => start < limit && limit < end);
    if (!torn) return limit;
    return torn.start > 0 ? torn.start : torn.end;
  }

  /** Where secrets are, overlapping ones joined. */
  #find(text: string): Stretch[] {
    const found: Stretch[] = [];
    for (const form of this.#forms) {
      for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1)) {
        found.push({ start: at, end: at + form.length });
      }
    }
    found.sort((a, b) => a.start - b.start || a.end - b.end);
    const joined: Stretch[] = [];
    for (const stretch of found) {
      const last = joined.at(-1);
      if (last && stretch.start < last.end) last.end = Math.max(last.end, stretch.end);
      else joined.push({ ...stretch });
    }
    return joined;
  }
}

/** Matches every text that holds one of the forms. A form that holds another one need not be looked for. */
function anyOf(forms: readonly string[]): RegExp {
  const least = forms.filter((form) => !forms.some((other) => other !== form && form.includes(other)));
  return new RegExp(least.map(escapeRegExp).join('|'));
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

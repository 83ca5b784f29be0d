import type { Said } from './log.ts';

/** Numbers that look random and are the same on every start. */
export function random(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

/** One of a list. */
export function pick<T>(list: readonly T[], next: () => number): T {
  const value = list[Math.floor(next() * list.length)];
  if (value === undefined) throw new Error('there is nothing to pick from');
  return value;
}

/** A UUID that is the same on every start. */
export function idOf(seed: number): string {
  const next = random(seed * 7919 + 13);
  const hex = Array.from({ length: 32 }, () => Math.floor(next() * 16).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const UNITS = ['core', 'event', 'http', 'mail', 'stream', 'os/unix', 'ssl', 'proxy', 'cache', 'module'];
const FILES = ['conf', 'log', 'array', 'queue', 'string', 'parse', 'buf', 'hash', 'inet', 'open', 'times', 'request'];
const E = '\x1b';

/** A line of a compiler at work, with colours, warnings and progress as real builds have them. */
export function buildLine(line: number, next = random(line * 2654435761)): Said {
  const unit = pick(UNITS, next);
  const file = `src/${unit}/ngx_${pick(FILES, next)}.c`;
  const kind = next();
  if (kind < 0.012) {
    const at = 40 + Math.floor(next() * 900);
    return {
      text: `${E}[1m${file}:${at}:17:${E}[0m ${E}[1;35mwarning:${E}[0m unused parameter ${E}[1m'log'${E}[0m [${E}[1;35m-Wunused-parameter${E}[0m]`,
      level: 'WARN',
    };
  }
  if (kind < 0.02) {
    const done = [8, 31, 64, 100].map((percent) => `\r  Fetching objects: ${String(percent).padStart(3)}%`).join('');
    return { text: `  Fetching objects:   0%${done}, done.` };
  }
  if (kind < 0.06) return { text: `${E}[32m  ok${E}[0m ${unit}: ${Math.floor(next() * 240) + 1} assertions` };
  if (kind < 0.1) return { text: `make[2]: Entering directory '/workspace/checkout/${unit}'` };
  return {
    text: `cc -c -pipe -O2 -Wall -Wextra -Wpointer-arith -Wconditional-uninitialized -g -I src/core -I src/event -I objs -o objs/${file.replace(/\.c$/, '.o')} ${file}`,
  };
}

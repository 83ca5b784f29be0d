/** Seconds of each unit of time that systemd writes, in its own spelling. */
const SECONDS: Readonly<Record<string, number>> = {
  y: 31_557_600,
  month: 2_629_800,
  w: 604_800,
  d: 86_400,
  h: 3600,
  min: 60,
  m: 60,
  s: 1,
  ms: 0.001,
  us: 0.000_001,
  μs: 0.000_001,
};

/** Seconds of a time span such as `1h 30min` or `2.5s`; null when the text is none (`infinity`, `[not set]`, empty). */
export function parseTimespan(text: string): number | null {
  const parts = text.trim().match(/^(?:\d+(?:\.\d+)?\s*[a-zμ]+\s*)+$/)
    ? text.matchAll(/(\d+(?:\.\d+)?)\s*([a-zμ]+)/g)
    : [];
  let sum: number | null = null;
  for (const [, count = '', unit = ''] of parts) {
    const seconds = SECONDS[unit];
    if (seconds === undefined) return null;
    sum = (sum ?? 0) + Number(count) * seconds;
  }
  return text.trim() === '0' ? 0 : sum;
}

/**
 * Seconds since 1970 of a date as systemctl prints it with TZ=UTC and LC_ALL=C: `Tue 2026-11-24 16:55:29 UTC`. null where there is
 * none.
 */
export function parseDate(text: string): number | null {
  const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC/.exec(text) ?? [];
  return day && time ? Date.parse(`${day}T${time}Z`) / 1000 : null;
}

/** A span for people: its two largest units. */
export function describeSpan(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const words: string[] = [];
  let rest = Math.round(seconds);
  for (const [unit, size] of units) {
    if (rest >= size && words.length < 2) words.push(`${Math.floor(rest / size)}${unit}`);
    rest %= size;
  }
  return words.join(' ') || '0s';
}

/** A job that prints lines which say which ones they are. */
export interface StormJob {
  name: string;
  lines: number;
  /** Characters after the number. */
  width: number;
  /** After every so many lines it pauses for so many seconds. */
  every: number;
  pause: number;
}

/** Loud ones, a slow one, one with long lines, one that prints steadily; a few seconds each. */
export const STORM_JOBS: readonly StormJob[] = [
  { name: 'loud', lines: 30_000, width: 90, every: 600, pause: 0.05 },
  { name: 'bursts', lines: 24_000, width: 40, every: 8000, pause: 1 },
  { name: 'wide', lines: 240, width: 10_240, every: 3, pause: 0.03 },
  { name: 'steady', lines: 1500, width: 60, every: 15, pause: 0.03 },
  { name: 'slow', lines: 30, width: 20, every: 1, pause: 0.12 },
];

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** What a job prints as line `n`, from 1. */
export function lineOf({ name, width }: StormJob, n: number): string {
  const from = n % LETTERS.length;
  const text = LETTERS.repeat(Math.ceil((width + LETTERS.length) / LETTERS.length));
  return `${name} ${n} ${text.slice(from, from + width)}`;
}

/** The recipe of a job. */
export function recipeOf({ name, lines, width, every, pause }: StormJob): string {
  return `steps:
  - |
    awk 'BEGIN {
      text = "${LETTERS}"
      while (length(text) < ${width + LETTERS.length}) text = text "${LETTERS}"
      for (i = 1; i <= ${lines}; i++) {
        print "${name} " i " " substr(text, i % ${LETTERS.length} + 1, ${width})
        if (i % ${every} == 0) { fflush(); system("sleep ${pause}") }
      }
    }'
`;
}

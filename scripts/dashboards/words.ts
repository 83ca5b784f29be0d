import { RESULTS, VERDICTS } from '../../packages/heartbeat/src/metrics-table.ts';

/** What a number is shown as. */
export type Words = Readonly<Record<string, { text: string; color: string }>>;

const VERDICT_COLOURS: Partial<Record<keyof typeof VERDICTS, string>> = { ok: 'green', 'last run failed': 'orange' };

/** Values of systemd_timer_verdict. */
export const VERDICT_WORDS: Words = words(VERDICTS, (verdict) => VERDICT_COLOURS[verdict] ?? 'red');
/** Values of systemd_unit_result. */
export const RESULT_WORDS: Words = words(RESULTS, (result) => (result === 'success' ? 'green' : 'red'));
/** systemd_unit_active less systemd_unit_failed. */
export const STATE_WORDS: Words = {
  '1': { text: 'active', color: 'green' },
  '0': { text: 'not active', color: 'orange' },
  '-1': { text: 'failed', color: 'red' },
};

function words<T extends string>(codes: Readonly<Record<T, number>>, colour: (word: T) => string) {
  const known = Object.keys(codes) as T[];
  return Object.fromEntries(known.map((word) => [String(codes[word]), { text: word, color: colour(word) }]));
}

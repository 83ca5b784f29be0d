/** What a unit of a host can be, in one word. */
export const UNIT_STATES = ['ok', 'inactive', 'restarting', 'stale', 'failed', 'missing'] as const;
/**
 * `ok`: active, a oneshot that runs, or a timer in its rhythm. `inactive`: stopped, or a oneshot between its runs. `restarting`:
 * systemd is about to start it again. `stale`: a timer that stopped firing. `missing`: not there, or masked.
 */
export type UnitState = (typeof UNIT_STATES)[number];

/** The states that ask for somebody's attention when a farm depends on the unit. */
export const TROUBLED: readonly UnitState[] = ['failed', 'missing', 'restarting', 'stale'];

/**
 * One letter for each piece of a state strip, the gravest first: a piece shows the gravest that was seen in it. `u`: nothing is
 * known, since no heartbeat came.
 */
export const STRIP_LETTERS = {
  f: 'failed',
  m: 'missing',
  r: 'restarting',
  s: 'stale',
  o: 'ok',
  i: 'inactive',
  u: 'unknown',
} as const;
export type StripLetter = keyof typeof STRIP_LETTERS;

/** How many pieces a strip of 24 hours has: a quarter of an hour each. */
export const STRIP_PIECES = 96;

/** How a unit's main process ended, by the number that the heartbeat gives it. */
export const EXIT_KINDS = ['none', 'exited', 'signal', 'core'] as const;
export type ExitKind = (typeof EXIT_KINDS)[number];

/** What the heartbeat says about a timer, by the number that it gives it. */
export const TIMER_VERDICTS = [
  'ok',
  'not-loaded',
  'inactive',
  'elapsed',
  'running-too-long',
  'overdue',
  'last-run-failed',
] as const;
export type TimerVerdict = (typeof TIMER_VERDICTS)[number];

/** A verdict in words, as in "backup.timer is overdue". */
export const VERDICT_WORDS: Readonly<Record<TimerVerdict, string>> = {
  ok: 'in its rhythm',
  'not-loaded': 'not loaded',
  inactive: 'not started',
  elapsed: 'elapsed: it will not fire again',
  'running-too-long': 'running for too long',
  overdue: 'overdue',
  'last-run-failed': 'failing: its last run failed',
};

/** Names of the signals that end processes, by number, as on Linux. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  5: 'SIGTRAP',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
  31: 'SIGSYS',
};

/** How a process ended, as people say it: `exit 7`, `SIGKILL`, `SIGSEGV, core dumped`. */
export function exitWords(kind: ExitKind, status: number | null): string {
  if (kind === 'none' || status === null) return 'no exit';
  if (kind === 'exited') return `exit ${status}`;
  const name = SIGNALS[status] ?? `signal ${status}`;
  return kind === 'core' ? `${name}, core dumped` : name;
}

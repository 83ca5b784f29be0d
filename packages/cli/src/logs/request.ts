import { durationMs } from '@kiln/protocol/duration.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { InvalidArgumentError } from 'commander';

/** What a person wants of logs. */
export interface LogRequest {
  follow: boolean;
  /** Null: the latest. */
  attempt: number | null;
  /** Name of a job of the run; null for all of them. */
  job: string | null;
  grep: { source: string; ignoreCase: boolean; context: number } | null;
  /** The least level. */
  level: string | null;
  phase: string | null;
  component: string | null;
  /** RFC 3339. */
  since: string | null;
  until: string | null;
  /** Only so many lines of the end; null for all. */
  tail: number | null;
}

/** Whether only some of the lines are wanted. */
export function isFiltered({ level, phase, component, since, until }: LogRequest): boolean {
  return [level, phase, component, since, until].some((condition) => condition !== null);
}

/** The filter as the API takes it. */
export function filterQuery({ level, phase, component, since, until }: LogRequest): Record<string, string | undefined> {
  return {
    level: level ?? undefined,
    phase: phase ?? undefined,
    component: component ?? undefined,
    since: since ?? undefined,
    until: until ?? undefined,
  };
}

/** Parses the value of --since and --until: `10m` ago, or a time. */
export function momentOf(text: string): string {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return new Date(Date.now() - durationMs(text)).toISOString();
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('Write 10m (ago), or a time such as 2026-05-07T14:32:11Z.');
  return new Date(time).toISOString();
}

/** Parses the value of --tail. */
export function tailOf(text: string): number | 'all' {
  if (text === 'all') return 'all';
  return wholeNumber(text, 1_000_000);
}

/** Parses the value of -C. */
export function contextOf(text: string): number {
  return wholeNumber(text, 20);
}

/** Parses the value of --attempt. */
export function attemptOf(text: string): number {
  const attempt = wholeNumber(text, 2_147_483_647);
  if (attempt === 0) throw new InvalidArgumentError('Attempts are counted from 1.');
  return attempt;
}

/** Parses the value of --level. */
export function levelOf(text: string): string {
  const level = LOG_LEVELS.find((known) => known === text.toUpperCase());
  if (!level) throw new InvalidArgumentError(`It is one of ${LOG_LEVELS.join(', ')}.`);
  return level;
}

function wholeNumber(text: string, most: number): number {
  if (!/^\d+$/.test(text) || Number(text) > most) throw new InvalidArgumentError(`It is a number from 0 to ${most}.`);
  return Number(text);
}

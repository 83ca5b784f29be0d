import type { ForgeConfig } from '@kiln/service/config-forges.ts';
import { askedWaitMs } from './rate-limit.ts';

/** What a forge made of a report. */
export type Answer =
  /** It knows now. `remoteId`: its id of what it made, where later reports need it. */
  | { outcome: 'told'; remoteId: string | null }
  /** It does not take this report; another one may well be taken. Given up after `limit` such answers. */
  | { outcome: 'refused'; status: number; error: string; limit: number }
  /** It takes nothing for now. `waitMs`: for how long, where it says so. */
  | { outcome: 'limited' | 'down'; error: string; waitMs: number | null };

const REFUSAL_LIMIT = 3;
/** A 500 is often about the one report (Gitea gives it for an unknown commit), sometimes about the forge. */
const FAULT_LIMIT = 10;
/** GitHub asks for a minute at least where it names no time. */
const LIMIT_WAIT_MS = 60_000;

/** Judges an answer by its status, headers and text. */
export function judge(
  { kind, report }: Pick<ForgeConfig, 'kind' | 'report'>,
  { status, headers, text }: { status: number; headers: Headers; text: string },
): Answer {
  const message = messageOf(text);
  if (status >= 200 && status < 300) return { outcome: 'told', remoteId: report === 'check-run' ? idOf(text) : null };
  // It has this state already: an earlier report arrived although its answer was lost.
  if (kind === 'gitlab' && status === 400 && message.includes('Cannot transition status'))
    return { outcome: 'told', remoteId: null };
  const error = `answered ${status}${message ? `: ${message}` : ''}`;
  const waitMs = askedWaitMs(headers);
  if (status === 429 || (status === 403 && (waitMs !== null || /rate limit/i.test(message))))
    return { outcome: 'limited', error, waitMs: waitMs ?? LIMIT_WAIT_MS };
  if (status === 401) return { outcome: 'down', error: `${error}; check the token file`, waitMs };
  if (status === 500) return { outcome: 'refused', status, error, limit: FAULT_LIMIT };
  if (status > 500) return { outcome: 'down', error, waitMs };
  return { outcome: 'refused', status, error, limit: REFUSAL_LIMIT };
}

/** The words of an error, however the forge wraps them, at most 300 characters. */
function messageOf(text: string): string {
  const parsed = parse(text);
  const { message, error } = typeof parsed === 'object' && parsed !== null ? asRecord(parsed) : {};
  const words = message ?? error ?? (parsed === undefined && !/^\s*</.test(text) ? text : '');
  const line = typeof words === 'string' ? words : JSON.stringify(words);
  return line.replace(/[\s\p{Cc}]+/gu, ' ').slice(0, 300);
}

function idOf(text: string): string | null {
  const parsed = parse(text);
  const { id } = typeof parsed === 'object' && parsed !== null ? asRecord(parsed) : {};
  return typeof id === 'number' ? String(id) : null;
}

function asRecord(value: object): Record<string, unknown> {
  return { ...value };
}

/** The value of a JSON text, or undefined when it is none. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

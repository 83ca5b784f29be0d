import { exitWords, TROUBLED, type UnitState, VERDICT_WORDS } from '@kiln/protocol/host-states.ts';
import type { HostSummary, UnitFailure, UnitRow } from '@kiln/protocol/hosts.ts';
import { table } from './table.ts';
import { count, oneLine, paint, relativeTime } from './words.ts';

const SIGNS: Readonly<Record<UnitState, string>> = {
  ok: paint('green', '● ok'),
  inactive: paint('gray', '○ inactive'),
  restarting: paint('yellow', '↻ restarting'),
  stale: paint('yellow', '◔ stale'),
  failed: paint('red', '✗ failed'),
  missing: paint('red', '? missing'),
};
const HEADER = ['UNIT', 'STATE', 'SINCE', 'RESTARTS 24 H', 'LAST FAILURE', 'NEXT'];

/** Whether a unit asks for attention. */
export function isTroubled({ state, allowlisted }: Pick<UnitRow, 'state' | 'allowlisted'>): boolean {
  return allowlisted ? TROUBLED.includes(state) : state === 'failed';
}

/** The units of a host as a table under a line about the host. */
export function unitTable(host: HostSummary & { rows: UnitRow[] }, failedOnly: boolean): string {
  const rows = host.rows.map((row) => [
    oneLine(row.unit) + (row.allowlisted ? '' : paint('gray', ' (not listed)')),
    stateWord(row),
    relativeTime(row.since),
    row.restarts24h === 0 ? paint('gray', '0') : String(row.restarts24h),
    failureWords(row.lastFailure),
    row.timer?.nextElapseAt ? relativeTime(row.timer.nextElapseAt) : '',
  ]);
  const none = failedOnly ? 'No unit is in trouble.' : 'It tells of no unit.';
  const mass = host.massRestarts.map(
    ({ at, units }) =>
      `${paint('yellow', `${count(units.length, 'unit')} restarted at once`)} ${relativeTime(at)}: ${units.join(', ')}\n`,
  );
  return `${hostLine(host)}\n${mass.join('')}${table(HEADER, rows, none)}`;
}

/** How a unit failed last: `3m ago, exit 7`. */
export function failureWords(failure: UnitFailure | null): string {
  if (failure === null) return '';
  const how =
    failure.exitKind === 'none' ? (failure.result ?? 'exit not seen') : exitWords(failure.exitKind, failure.exitStatus);
  const oom = failure.result === 'oom-kill' ? 'out of memory' : how;
  return [relativeTime(failure.at), oom].filter((part) => part !== '').join(', ');
}

function hostLine(host: HostSummary): string {
  const heard = relativeTime(host.lastHeartbeatAt);
  if (host.health === 'silent')
    return `${paint('bold', host.host)}  ${paint('red', `silent: last heartbeat ${heard}`)}`;
  const boot = host.bootAt ? `, up since ${relativeTime(host.bootAt)}` : '';
  return `${paint('bold', host.host)}  heartbeat ${heard}${boot}`;
}

function stateWord({ state, masked, timer }: UnitRow): string {
  if (masked) return `${SIGNS[state]} (masked)`;
  const verdict = timer?.verdict;
  if (state === 'stale' && verdict && verdict !== 'ok') return `${SIGNS.stale} (${VERDICT_WORDS[verdict]})`;
  return SIGNS[state];
}

import type { DailyReport } from '@kiln/protocol/hosts.ts';
import { table } from './table.ts';
import { failureWords } from './units.ts';
import { count, elapsed, paint } from './words.ts';

const HEADER = ['UNIT', 'HOST', 'FAILED', 'RESTARTED', 'STALE', 'NOW', 'LAST FAILURE'];

/** The daily report for a terminal or a mail: one line when nothing happened, else what did. */
export function describeDailyReport(report: DailyReport): string {
  const { units, massRestarts, silences, runs } = report;
  const title = paint('bold', `From ${minute(report.from)} to ${minute(report.to)}`);
  const where = `${count(report.hosts, 'host')}, ${count(runs.total, 'run')}`;
  if (report.quiet) return `${title}\nA quiet time: nothing failed, restarted or went stale (${where}).\n`;
  const rows = units.map((unit) => [
    unit.unit,
    unit.host,
    times(unit.failures),
    times(unit.restarts),
    times(unit.stale),
    unit.state ?? '',
    failureWords(unit.lastFailure),
  ]);
  return [
    `${title}\n`,
    units.length > 0 ? table(HEADER, rows, '') : 'No unit failed, restarted or went stale.\n',
    ...massRestarts.map(
      ({ host, at, units: names }) =>
        `${count(names.length, 'unit')} of ${host} restarted at once at ${minute(at)}: ${names.join(', ')}\n`,
    ),
    ...silences.map(({ host, at, until }) =>
      until === null
        ? `No heartbeat from ${host} since ${minute(at)}\n`
        : `No heartbeat from ${host} for ${elapsed(at, until)} from ${minute(at)}\n`,
    ),
    runs.total > 0 ? `${runs.failed} of ${count(runs.total, 'run')} failed\n` : '',
  ].join('');
}

function times(n: number): string {
  return n === 0 ? paint('gray', '–') : String(n);
}

/** A moment to the minute, in UTC so that a mail reads the same everywhere. */
function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

import { type ClientOptions, createClient } from '../client.ts';
import { CliError } from '../errors.ts';
import { paint } from '../output/words.ts';
import { followLogs } from './follow.ts';
import { grepLog } from './grep.ts';
import { LineFilter } from './line-filter.ts';
import { Printer, type PrinterOptions } from './printer.ts';
import { type LogOfJob, printLog } from './read.ts';
import { isFiltered, type LogRequest } from './request.ts';
import { findSource, readJobs } from './sources.ts';

/** Of a longer log a terminal gets only so many lines of the end, unless more is asked for. */
export const TERMINAL_LINES = 1000;

/**
 * Reads the logs of a run or a job, as `kiln logs` does. `tail` undefined leaves it to the length of the log and to
 * where the output goes. Returns the exit code: 1 when nothing matched --grep.
 */
export async function readLogs(
  given: string,
  farm: ClientOptions,
  request: LogRequest & { tailGiven: boolean },
  output: Omit<PrinterOptions, 'prefix'>,
): Promise<number> {
  // Says at once what is wrong with an expression.
  new LineFilter(request, () => undefined);
  const client = await createClient(farm);
  const source = await findSource(client, given);
  const { jobs } = await readJobs(client, source, request.job);
  const printer = new Printer({ ...output, prefix: jobs.length > 1 });
  if (request.follow) {
    const printed = await followLogs(client, source, request, printer);
    return request.grep !== null && printed === 0 ? 1 : 0;
  }
  const logs = jobs.flatMap((job): LogOfJob[] => {
    const found = job.attempts.filter(({ attempt }) => request.attempt === null || attempt === request.attempt).at(-1);
    return found ? [{ jobId: job.jobId, name: job.name, attempt: found.attempt, lines: found.lines }] : [];
  });
  if (logs.length === 0) throw nothingToRead(request, jobs[0]?.waiting ?? '');
  if (request.grep) {
    let hits = 0;
    for (const log of logs) hits += await grepLog(client, log, { ...request, grep: request.grep }, printer);
    return hits > 0 ? 0 : 1;
  }
  for (const log of logs) await printLog(client, log, { ...request, tail: tailFor(log, request) }, printer);
  return 0;
}

/** How much of a log to print: a terminal is spared the beginning of a long one, and told so. */
function tailFor(log: LogOfJob, request: LogRequest & { tailGiven: boolean }): number | null {
  const spares = process.stdout.isTTY === true && !request.tailGiven && !isFiltered(request);
  if (!spares || log.lines <= TERMINAL_LINES) return request.tail;
  const left = log.lines - TERMINAL_LINES;
  process.stderr.write(`${paint('gray', `… ${left} earlier lines are left out; --tail all shows them`)}\n`);
  return TERMINAL_LINES;
}

function nothingToRead({ attempt }: LogRequest, waiting: string): CliError {
  if (attempt !== null) return new CliError(`there is no attempt ${attempt}`);
  return new CliError(`nothing is written yet${waiting === '' ? '' : `: ${waiting}`}; -f waits for it`);
}

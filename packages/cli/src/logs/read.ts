import type { LogLine } from '@kiln/protocol/api.ts';
import type { LogPageAnswer } from '@kiln/protocol/log-api.ts';
import type { Client } from '../client.ts';
import { jsonLines } from './json-lines.ts';
import type { Printer } from './printer.ts';
import { filterQuery, isFiltered, type LogRequest } from './request.ts';

/** The log of one attempt. */
export interface LogOfJob {
  jobId: string;
  name: string;
  attempt: number;
  /** How many there were when the job was looked up. */
  lines: number;
}

const PAGE = 5000;

/** Prints what is written of a log. */
export async function printLog(client: Client, log: LogOfJob, request: LogRequest, printer: Printer): Promise<void> {
  if (request.tail !== null && !isFiltered(request)) return await printTail(client, log, request.tail, printer);
  const path = `/api/jobs/${log.jobId}/log.jsonl`;
  const lines = jsonLines<LogLine>(client.stream(path, { attempt: log.attempt, ...filterQuery(request) }));
  if (request.tail === null) {
    for await (const some of lines) await printer.print(log.name, some);
    return;
  }
  // Which lines are the last that pass is only known at the end.
  const last: LogLine[] = [];
  for await (const some of lines) {
    last.push(...some);
    if (last.length > 2 * request.tail + PAGE) last.splice(0, last.length - request.tail);
  }
  await printer.print(log.name, request.tail === 0 ? [] : last.slice(-request.tail));
}

async function printTail(client: Client, log: LogOfJob, tail: number, printer: Printer): Promise<void> {
  if (tail === 0) return;
  const ask = async (query: { from?: number; cursor?: string }) =>
    await client.get<LogPageAnswer>(`/api/jobs/${log.jobId}/log`, {
      attempt: log.attempt,
      limit: Math.min(PAGE, tail),
      ...query,
    });
  let page = await ask({ from: -tail });
  const { total } = page;
  for (;;) {
    await printer.print(
      log.name,
      page.lines.filter(({ line }) => line <= total),
    );
    if (page.next === null || page.lines.length === 0 || (page.lines.at(-1)?.line ?? total) >= total) return;
    page = await ask({ cursor: page.next });
  }
}

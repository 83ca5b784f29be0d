import type { LogContextLine, LogHit, LogSearchMessage } from '@kiln/protocol/log-api.ts';
import { MOST_HITS } from '@kiln/protocol/log-api.ts';
import type { Client } from '../client.ts';
import { CliError } from '../errors.ts';
import { jsonLines } from './json-lines.ts';
import type { PrintedLine, Printer } from './printer.ts';
import type { LogOfJob } from './read.ts';
import { filterQuery, type LogRequest } from './request.ts';

type Grep = NonNullable<LogRequest['grep']>;

/** Searches a log on the server and prints what is found, as `grep` does. Returns how many lines matched. */
export async function grepLog(
  client: Client,
  log: LogOfJob,
  request: LogRequest & { grep: Grep },
  printer: Printer,
): Promise<number> {
  const output = new HitOutput(log.name, printer);
  for (;;) {
    const before = output.hits;
    // A search sends a bounded number of hits: the next one goes on behind the last of them.
    const count = await searchOnce(client, log, request, output.lastHit + 1, output);
    const found = output.hits - before;
    if (found > 0 && found < count) continue;
    await output.end();
    return output.hits;
  }
}

/** One search from a line on. Returns how many hits there are from there on, also of those that were not sent. */
async function searchOnce(
  client: Client,
  { jobId, attempt }: LogOfJob,
  request: LogRequest & { grep: Grep },
  from: number,
  output: HitOutput,
): Promise<number> {
  const { source, ignoreCase, context } = request.grep;
  const query = { attempt, q: source, mode: 'regex', case: ignoreCase ? 'ignore' : 'match', context, from };
  const answer = client.stream(`/api/jobs/${jobId}/log/search`, {
    ...query,
    limit: MOST_HITS,
    ...filterQuery(request),
  });
  for await (const messages of jsonLines<LogSearchMessage>(answer)) {
    for (const message of messages) {
      if (message.type === 'hit') await output.add(message);
      else if (message.type === 'end') return message.hits;
      else if (message.type === 'error') throw new CliError(message.message);
    }
  }
  throw new CliError('the search ended without its last word; try again');
}

/** Prints hits with the lines around them, each line once, with `--` between stretches. */
class HitOutput {
  readonly #name: string;
  readonly #printer: Printer;
  /** The last line that was printed. */
  #printed = 0;
  /** Lines after the last hit, which wait for the next one: it may be among them. */
  #after: LogContextLine[] = [];
  #context = false;
  hits = 0;
  lastHit = 0;

  constructor(name: string, printer: Printer) {
    this.#name = name;
    this.#printer = printer;
  }

  async add(hit: LogHit): Promise<void> {
    const { before, after, type: _, ...line } = hit;
    await this.end(hit.line - 1);
    const fresh = before.filter((each) => each.line > this.#printed);
    const first = fresh[0]?.line ?? hit.line;
    this.#context ||= before.length > 0 || after.length > 0;
    if (this.#context && this.#printed > 0 && first > this.#printed + 1) await this.#printer.separate();
    await this.#printer.print(this.#name, [...fresh.map(contextLine), line]);
    this.hits += 1;
    this.lastHit = hit.line;
    this.#printed = hit.line;
    this.#after = after;
  }

  /** Prints the lines after the last hit, up to line `last`. */
  async end(last = Number.POSITIVE_INFINITY): Promise<void> {
    const lines = this.#after.filter(({ line }) => line > this.#printed && line <= last);
    await this.#printer.print(this.#name, lines.map(contextLine));
    this.#printed = lines.at(-1)?.line ?? this.#printed;
    this.#after = [];
  }
}

function contextLine({ line, text }: LogContextLine): PrintedLine {
  return { line, text, level: 'INFO', component: 'output' };
}

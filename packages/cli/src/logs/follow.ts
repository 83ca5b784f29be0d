import { setTimeout as sleep } from 'node:timers/promises';
import type { JobAnswer, JobDetail } from '@kiln/protocol/api.ts';
import type { LogPageAnswer } from '@kiln/protocol/log-api.ts';
import { frameLines } from '@kiln/store/logs/log-lines.ts';
import { ApiFailure, type Client } from '../client.ts';
import { CliError } from '../errors.ts';
import type { LiveConnection, LiveEvent } from '../live/connection.ts';
import { LineFilter } from './line-filter.ts';
import type { Printer } from './printer.ts';
import type { LogRequest } from './request.ts';
import { type LogSource, readJobs } from './sources.ts';

/** A hint may be lost: the jobs are looked at this often anyway, in milliseconds. */
const LOOK_MS = 1500;
const PAUSE_MS = 500;
/** How long a farm may be away before the following gives up, in milliseconds. */
const PATIENCE_MS = 60_000;

/** One attempt whose log is followed. */
interface Followed {
  name: string;
  /** Names of its phases; none before it told. */
  phases: string[];
  filter: LineFilter;
  /** The line to begin with; negative counts from the end. After a lost connection: the first line that was not printed. */
  from: number;
  ended: boolean;
}

/**
 * Prints logs as they are written until their jobs end, however often the connection is lost. Returns how many lines
 * were printed. Throws a CliError when the farm stays away.
 */
export async function followLogs(
  client: Client,
  source: LogSource,
  request: LogRequest,
  printer: Printer,
): Promise<number> {
  return await new LogFollow(client, source, request, printer).run();
}

class LogFollow {
  readonly #client: Client;
  readonly #source: LogSource;
  readonly #request: LogRequest;
  readonly #printer: Printer;
  readonly #followed = new Map<string, Followed>();
  #begun = false;
  #finished = false;
  #printed = 0;

  constructor(client: Client, source: LogSource, request: LogRequest, printer: Printer) {
    this.#client = client;
    this.#source = source;
    this.#request = request;
    this.#printer = printer;
  }

  async run(): Promise<number> {
    await readJobs(this.#client, this.#source, this.#request.job);
    for (let deadline = 0; ; ) {
      try {
        if (await this.#follow(await this.#client.live(), () => (deadline = 0))) return this.#printed;
      } catch (error) {
        if (!(error instanceof CliError) || isFinal(error)) throw error;
        if (deadline > 0 && Date.now() > deadline) throw error;
      }
      deadline ||= Date.now() + PATIENCE_MS;
      await sleep(PAUSE_MS);
    }
  }

  /** Returns whether everything ended; false when the connection was lost before. */
  async #follow(live: LiveConnection, alive: () => void): Promise<boolean> {
    const asked = new Set<string>();
    for (const entry of this.#followed.values()) entry.ended = false;
    const timer = setInterval(() => live.wake(), LOOK_MS);
    let due = true;
    live.send({ type: 'follow.runs' });
    try {
      for await (const event of live.events()) {
        if (event.kind === 'closed') return false;
        alive();
        await this.#take(event);
        due ||= event.kind === 'wake' || (event.kind === 'message' && event.message.type !== 'log.start');
        if (due && live.idle) {
          due = false;
          await this.#look(live, asked);
        }
        if (this.#isOver()) return true;
      }
      return false;
    } finally {
      clearInterval(timer);
      live.close();
    }
  }

  #isOver(): boolean {
    if (!this.#finished) return false;
    if (this.#followed.size === 0) throw new ApiFailure(404, 'not_found', 'it ended without a log to follow');
    return [...this.#followed.values()].every((entry) => entry.ended);
  }

  async #look(live: LiveConnection, asked: Set<string>): Promise<void> {
    const { jobs, finished } = await readJobs(this.#client, this.#source, this.#request.job);
    const wanted = jobs.flatMap((job) => this.#attemptsOf(job).map((attempt) => ({ job, attempt })));
    let held = false;
    for (const { job, attempt } of wanted) {
      const key = `${job.jobId}/${attempt}`;
      const entry = this.#followed.get(key) ?? (await this.#begin(job, attempt));
      this.#followed.set(key, entry);
      if (!asked.has(key)) live.send({ type: 'follow.log', jobId: job.jobId, attempt, from: entry.from });
      asked.add(key);
      // What is written already comes whole before what follows it; only logs that grow at the same time are mixed.
      held = isWritten(job, attempt) && !entry.ended;
      if (held) break;
    }
    this.#begun ||= !held;
    this.#finished = finished && !held;
  }

  /** The attempt that was named; else the latest one, and each that begins later. */
  #attemptsOf(job: JobDetail): number[] {
    const numbers = job.attempts.map(({ attempt }) => attempt);
    if (this.#request.attempt !== null) return numbers.filter((attempt) => attempt === this.#request.attempt);
    return numbers.filter(
      (attempt, index) => this.#followed.has(`${job.jobId}/${attempt}`) || this.#isNew(job, attempt, index),
    );
  }

  #isNew(job: JobDetail, attempt: number, index: number): boolean {
    if (index === job.attempts.length - 1) return true;
    return (
      this.#begun &&
      job.attempts.some((each) => each.attempt < attempt && this.#followed.has(`${job.jobId}/${each.attempt}`))
    );
  }

  async #begin(job: JobDetail, attempt: number): Promise<Followed> {
    const phases = phasesOf(job, attempt);
    const filter = new LineFilter(this.#request, (index) => entry.phases[index]);
    const entry: Followed = { name: job.name, phases, filter, from: 1, ended: false };
    const { tail } = this.#request;
    // What begins while others are followed is new from its first line on.
    if (this.#begun || tail === null) entry.from = await this.#firstLine(job.jobId, attempt);
    else entry.from = tail > 0 ? -tail : await this.#endOf(job.jobId, attempt);
    return entry;
  }

  async #firstLine(jobId: string, attempt: number): Promise<number> {
    const { since } = this.#request;
    if (since === null) return 1;
    const page = await this.#page(jobId, { attempt, since, limit: 1 });
    return page.lines[0]?.line ?? page.total + 1;
  }

  async #endOf(jobId: string, attempt: number): Promise<number> {
    return (await this.#page(jobId, { attempt, limit: 1 })).total + 1;
  }

  async #page(jobId: string, query: Record<string, string | number>): Promise<LogPageAnswer> {
    return await this.#client.get<LogPageAnswer>(`/api/jobs/${jobId}/log`, query);
  }

  async #take(event: LiveEvent): Promise<void> {
    if (event.kind === 'message' && event.message.type === 'log.end') {
      const entry = this.#followed.get(`${event.message.jobId}/${event.message.attempt}`);
      if (entry) entry.ended = true;
    } else if (event.kind === 'message' && event.message.type === 'error') {
      const { code, message } = event.message;
      throw new ApiFailure(code === 'unavailable' ? 503 : 404, code, message);
    } else if (event.kind === 'frame') {
      await this.#print(event);
    }
  }

  async #print({ frame: { header }, data }: Extract<LiveEvent, { kind: 'frame' }>): Promise<void> {
    const entry = this.#followed.get(`${header.job}/${header.attempt}`);
    if (!entry) return;
    if (this.#request.phase !== null && entry.phases.length === 0) {
      const job = await this.#client.get<JobAnswer>(`/api/jobs/${header.job}`);
      entry.phases = phasesOf(job, header.attempt);
    }
    const first = Math.max(entry.from, header.firstLine);
    const lines = (await frameLines({ ...header, data }, first)).filter((line) => entry.filter.passes(line));
    entry.from = Math.max(entry.from, header.firstLine + header.lines);
    this.#printed += lines.length;
    await this.#printer.print(entry.name, lines);
  }
}

function isWritten(job: JobDetail, attempt: number): boolean {
  return job.attempts.some((each) => each.attempt === attempt && each.finishedAt !== null);
}

function phasesOf(job: JobDetail, attempt: number): string[] {
  return job.attempts.find((each) => each.attempt === attempt)?.phases.map(({ name }) => name) ?? [];
}

/** Whether trying again is of no use: the farm answered, and it would answer the same. */
function isFinal(error: CliError): boolean {
  return error instanceof ApiFailure && error.status >= 400 && error.status < 500;
}

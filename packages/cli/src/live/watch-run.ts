import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptSummary, JobDetail, RunDetail } from '@kiln/protocol/api.ts';
import { isFinishedRun } from '@kiln/protocol/states.ts';
import type { Client } from '../client.ts';
import { CliError } from '../errors.ts';
import { elapsed, oneLine, paint, statusWord } from '../output/words.ts';
import type { LiveConnection, LiveEvent } from './connection.ts';
import { LogReader, type LogText } from './log-reader.ts';
import { runHeadline, runSummary } from './run-text.ts';
import { Screen } from './screen.ts';

/** A hint may be lost: the run is looked at this often anyway, in milliseconds. */
const LOOK_MS = 1500;
const PAUSE_MS = 500;
/** How long a farm may be away before the watch gives up, in milliseconds. */
const PATIENCE_MS = 60_000;

/** One attempt whose log is followed. */
interface Followed {
  job: JobDetail;
  reader: LogReader;
  ended: boolean;
}

/** Follows a run in the terminal until it ends: its log, and on a terminal what it does now. Returns 0 when it completed, else 1. */
export async function watchRun(client: Client, runId: string): Promise<number> {
  const watch = new RunWatch(client, runId, new Screen());
  return await watch.run();
}

class RunWatch {
  readonly #client: Client;
  readonly #runId: string;
  readonly #screen: Screen;
  readonly #followed = new Map<string, Followed>();
  #detail: RunDetail | null = null;

  constructor(client: Client, runId: string, screen: Screen) {
    this.#client = client;
    this.#runId = runId;
    this.#screen = screen;
  }

  async run(): Promise<number> {
    this.#detail = await this.#look();
    await this.#screen.print([runHeadline(this.#detail)]);
    while (!(await this.#patiently(async () => await this.#follow(await this.#client.live())))) {
      this.#screen.bottom('the connection was lost, trying again …');
      await sleep(PAUSE_MS);
    }
    this.#screen.bottom('');
    const run = await this.#patiently(async () => await this.#look());
    await this.#screen.print(runSummary(run));
    return run.status === 'completed' ? 0 : 1;
  }

  /** Tries again for a while: a farm that is started again should not end a watch. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        this.#screen.bottom('the farm does not answer, trying again …');
        await sleep(PAUSE_MS);
      }
    }
  }

  async #look(): Promise<RunDetail> {
    return await this.#client.get<RunDetail>(`/api/runs/${this.#runId}`);
  }

  /** Returns whether the run ended and all of its log was shown; false when the connection was lost before. */
  async #follow(live: LiveConnection): Promise<boolean> {
    for (const entry of this.#followed.values()) entry.ended = false;
    live.send({ type: 'follow.runs' });
    const asked = new Set<string>();
    const timer = setInterval(() => live.wake(), LOOK_MS);
    let due = true;
    try {
      for await (const event of live.events()) {
        if (event.kind === 'closed') return false;
        due ||= event.kind === 'wake' || isAbout(event, this.#runId);
        await this.#show(event);
        if (due && live.idle) {
          due = false;
          this.#detail = await this.#look();
          for (const job of this.#detail.jobList) this.#followJob(live, job, asked);
        }
        this.#screen.bottom(this.#bottomLine());
        if (this.#isOver()) return true;
      }
      return false;
    } catch (error) {
      // The farm went away in the middle of an answer: the same as a lost connection.
      if (error instanceof CliError) return false;
      throw error;
    } finally {
      clearInterval(timer);
      live.close();
    }
  }

  #followJob(live: LiveConnection, job: JobDetail, asked: Set<string>): void {
    for (const { attempt } of job.attempts) {
      const key = `${job.jobId}/${attempt}`;
      if (asked.has(key)) continue;
      asked.add(key);
      const entry = this.#followed.get(key) ?? { job, reader: new LogReader(), ended: false };
      this.#followed.set(key, entry);
      live.send({ type: 'follow.log', jobId: job.jobId, attempt, from: entry.reader.nextLine });
    }
  }

  async #show(event: LiveEvent): Promise<void> {
    if (event.kind === 'message' && event.message.type === 'log.end') {
      const entry = this.#followed.get(`${event.message.jobId}/${event.message.attempt}`);
      if (entry) entry.ended = true;
    }
    if (event.kind !== 'frame') return;
    const { job, attempt } = event.frame.header;
    const entry = this.#followed.get(`${job}/${attempt}`);
    if (!entry) return;
    const several = (this.#detail?.jobList.length ?? 1) > 1;
    const prefix = several ? paint('cyan', `${entry.job.name} │ `) : '';
    await this.#screen.print((await entry.reader.read(event.frame)).map((line) => prefix + lineText(line)));
  }

  #isOver(): boolean {
    const run = this.#detail;
    if (!run || !isFinishedRun(run.status)) return false;
    return [...this.#followed.values()].every((entry) => entry.ended);
  }

  #bottomLine(): string {
    const run = this.#detail;
    if (!run || isFinishedRun(run.status)) return '';
    const attempts = run.jobList.map((job): AttemptSummary | undefined => job.attempts.at(-1));
    const phases = attempts.flatMap((attempt) => attempt?.phases.filter((phase) => phase.state === 'running') ?? []);
    const now = [...new Set(phases.map((phase) => phase.name))].join(', ');
    const parts = [
      statusWord(run.status),
      `${Math.floor(run.percent)} %`,
      now,
      oneLine(run.text),
      elapsed(run.startedAt, null),
    ];
    return parts.filter((part) => part !== '').join(' · ');
  }
}

function isAbout(event: LiveEvent, runId: string): boolean {
  if (event.kind !== 'message') return false;
  const { message } = event;
  return message.type === 'log.end' || (message.type === 'changed' && message.topic === 'run' && message.id === runId);
}

function lineText({ text, level, component }: LogText): string {
  if (level === 'ERROR' || level === 'FATAL') return paint('red', text);
  if (level === 'WARN') return paint('yellow', text);
  return component === 'kiln' ? paint('gray', text) : text;
}

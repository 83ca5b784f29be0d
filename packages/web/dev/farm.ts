import type { Overview, RecipeSummary, RunDetail, RunSummary } from '@kiln/protocol/api.ts';
import type { ChangeTopic } from '@kiln/protocol/bus.ts';
import { isFinishedRun } from '@kiln/protocol/states.ts';
import type { FarmData } from './data.ts';
import type { FixtureLog, Said } from './log.ts';
import { addRun } from './runs.ts';
import { emptyFarm, fullFarm } from './seed.ts';

/** Told of what changes: the live sockets listen. */
export interface FarmListener {
  changed(topic: ChangeTopic, id: string): void;
  lines(log: FixtureLog, first: number): void;
  ended(log: FixtureLog): void;
}

/** A farm that is only acted: it answers what the platform would, and does what tests tell it. */
export class FixtureFarm {
  readonly data: FarmData;
  readonly listeners = new Set<FarmListener>();

  constructor(kind: 'full' | 'empty') {
    this.data = kind === 'full' ? fullFarm() : emptyFarm();
  }

  run(runId: string): RunDetail | undefined {
    return this.data.runs.find((run) => run.runId === runId);
  }

  /** The newest run of a recipe. */
  runOf(recipe: string): RunDetail {
    const run = this.data.runs.find((each) => each.recipe === recipe);
    if (!run) throw new Error(`the fixture has no run of ${recipe}`);
    return run;
  }

  /** The log of a run's first job, at its latest attempt. */
  logOf(run: RunDetail): FixtureLog {
    const [job] = run.jobList;
    const log = job && this.data.logs.get(`${job.jobId} ${job.attempt}`);
    if (!log) throw new Error(`the run of ${run.recipe} has no log`);
    return log;
  }

  /** Prints lines in a run's first job. */
  print(run: RunDetail, ...said: Said[]): void {
    const log = this.logOf(run);
    const first = log.total + 1;
    for (const each of said) log.add({ phase: 1, step: 1, ...each });
    const attempt = run.jobList[0]?.attempts.at(-1);
    if (attempt) attempt.lines = log.total;
    for (const listener of this.listeners) listener.lines(log, first);
  }

  /** Ends a run that is in progress. */
  end(run: RunDetail, status: 'completed' | 'failed' | 'cancelled'): void {
    const at = new Date().toISOString();
    Object.assign(run, { status, finishedAt: at, actions: status === 'completed' ? [] : ['retry'], text: '' });
    if (status === 'completed') run.percent = 100;
    for (const job of run.jobList) {
      Object.assign(job, { status, finishedAt: at, waiting: '' });
      const attempt = job.attempts.at(-1);
      const log = this.data.logs.get(`${job.jobId} ${job.attempt}`);
      if (!attempt || !log) continue;
      Object.assign(attempt, { status, finishedAt: at, percent: run.percent });
      log.ended = true;
      for (const listener of this.listeners) listener.ended(log);
    }
    this.changed('run', run.runId);
  }

  /** A run that somebody asked for. */
  start(recipe: string, version: string): RunDetail {
    const run = addRun(this.data, {
      n: 300 + this.data.runs.length,
      recipe,
      version,
      status: 'building',
      createdAt: Date.now(),
      durationMs: 300_000,
      lines: 3,
      percent: 4,
      trigger: 'manual',
    });
    this.data.runs.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
    this.changed('run', run.runId);
    return run;
  }

  changed(topic: ChangeTopic, id: string): void {
    for (const listener of this.listeners) listener.changed(topic, id);
  }

  overview(): Overview {
    const { runs, agents, packages, recipes } = this.data;
    const hour = 3_600_000;
    const now = Date.now();
    const day = runs.filter((run) => run.finishedAt && Date.parse(run.finishedAt) > now - 24 * hour);
    const count = (status: string, list = day) => list.filter((run) => run.status === status).length;
    const durations = day.flatMap((run) =>
      run.status === 'completed' && run.startedAt && run.finishedAt
        ? [(Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000]
        : [],
    );
    const average = durations.reduce((sum, each) => sum + each, 0) / durations.length;
    const hours = Array.from({ length: 24 }, (_, index) => {
      const from = Math.floor(now / hour) * hour - (23 - index) * hour;
      const ended = day.filter(({ finishedAt }) => {
        const at = Date.parse(finishedAt ?? '');
        return at >= from && at < from + hour;
      });
      return {
        hour: new Date(from).toISOString(),
        completed: count('completed', ended),
        failed: count('failed', ended),
        cancelled: count('cancelled', ended),
      };
    });
    const broken = recipes.filter((recipe) => recipe.lastPoll?.error);
    return {
      farmId: 'fixture',
      version: '0.1.0',
      now: new Date(now).toISOString(),
      problems: [
        ...agents
          .filter((agent) => !agent.connected)
          .map((agent) => ({ message: `Agent ${agent.name} has been away for 9 hours`, href: '/fleet' })),
        ...broken.map((recipe) => ({
          message: `The upstream of ${recipe.name} cannot be read`,
          href: `/recipes/${recipe.name}`,
        })),
        ...(this.data.deadLetters.length > 0
          ? [{ message: `${this.data.deadLetters.length} events could not be handled`, href: '/operations' }]
          : []),
      ],
      running: runs.filter((run) => !isFinishedRun(run.status)).map(summaryOf),
      queueDepth: runs.filter((run) => run.status === 'queued').length,
      day: {
        runs: day.length,
        completed: count('completed'),
        failed: count('failed'),
        averageSeconds: durations.length > 0 ? average : null,
      },
      hours,
      failing: recipes.flatMap((recipe) =>
        recipe.backoff.map((each) => ({ recipe: recipe.name, runId: recipe.lastRun?.runId ?? null, ...each })),
      ),
      published: packages.slice(0, 6),
      agents,
    };
  }

  recipes(): RecipeSummary[] {
    return this.data.recipes.map(({ compiled, tagList, runs, ...recipe }) => recipe);
  }
}

/** What lists show of a run. */
export function summaryOf(run: RunDetail): RunSummary {
  const { failure, retriesLeft, jobList, packages, timeline, actions, ...summary } = run;
  return summary;
}

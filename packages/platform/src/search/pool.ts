import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { StreamErrorCode } from '@kiln/protocol/errors.ts';
import type { SearchTask, TaskResult } from './task.ts';

/** What became of a task. A failure's `code` is for programs, its `message` for people. */
export type TaskOutcome = { ok: true; result: TaskResult } | { ok: false; code: StreamErrorCode; message: string };

interface Waiting {
  task: SearchTask;
  settle: (outcome: TaskOutcome) => void;
}

/** Searches that one node runs at once; the next one is refused. */
const MOST_SEARCHES = 8;
/** How long a task may take, in milliseconds; one of a usual expression takes about ten. */
const TASK_LIMIT_MS = 5000;
/** A thread that had nothing to do for so long ends; it holds about 20 MB. In milliseconds. */
const IDLE_MS = 30_000;

const TOO_SLOW: TaskOutcome = {
  ok: false,
  code: 'pattern_too_slow',
  message: `this expression took more than ${TASK_LIMIT_MS / 1000} s for a small part of the log; make it simpler: no nested repetitions, back references or looking around`,
};

/** One search's place in the pool. */
export interface SearchLane {
  /** Gives a task to the next free thread. Never rejects. */
  run(task: SearchTask): Promise<TaskOutcome>;
  /** Gives the place back; tasks that did not begin are dropped. */
  close(): void;
}

/** The threads that search, at most two. Searches take turns, task by task, so that a long one does not hold up a short one. */
export class SearchPool {
  readonly #size: number;
  readonly #limitMs: number;
  readonly #threads = new Set<Thread>();
  /** In the order in which they are served next. */
  #lanes: { waiting: Waiting[]; lane: SearchLane }[] = [];
  #closed = false;

  constructor(options: { size?: number; limitMs?: number } = {}) {
    this.#size = options.size ?? Math.min(2, availableParallelism());
    this.#limitMs = options.limitMs ?? TASK_LIMIT_MS;
  }

  /** A place for a search, which must be closed; null when there are too many already. */
  open(): SearchLane | null {
    if (this.#closed || this.#lanes.length >= MOST_SEARCHES) return null;
    const waiting: Waiting[] = [];
    const lane: SearchLane = {
      run: async (task) =>
        await new Promise((settle) => {
          waiting.push({ task, settle });
          this.#serve();
        }),
      close: () => {
        this.#lanes = this.#lanes.filter((entry) => entry.lane !== lane);
        for (const { settle } of waiting.splice(0)) settle(stopped('the search was ended'));
      },
    };
    this.#lanes.push({ waiting, lane });
    return lane;
  }

  /** Ends every thread. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { lane } of this.#lanes) lane.close();
    await Promise.all([...this.#threads].map(async (thread) => await thread.end(stopped('Kiln is stopping'))));
  }

  #serve(): void {
    while (!this.#closed) {
      const turn = this.#lanes.findIndex(({ waiting }) => waiting.length > 0);
      if (turn < 0) return;
      const thread = [...this.#threads].find(({ idle }) => idle) ?? this.#start();
      if (!thread) return;
      const [entry] = this.#lanes.splice(turn, 1);
      if (!entry) return;
      this.#lanes.push(entry);
      const next = entry.waiting.shift();
      if (next) thread.run(next, this.#limitMs);
    }
  }

  #start(): Thread | null {
    if (this.#threads.size >= this.#size) return null;
    const thread = new Thread(
      () => this.#serve(),
      () => {
        this.#threads.delete(thread);
        this.#serve();
      },
    );
    this.#threads.add(thread);
    return thread;
  }
}

/** One thread and the task that it works on. */
class Thread {
  readonly #worker = new Worker(new URL('worker.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  });
  readonly #ready = Promise.withResolvers<void>();
  readonly #freed: () => void;
  #current: Waiting | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;

  constructor(freed: () => void, gone: () => void) {
    this.#freed = freed;
    this.#worker.on('message', (message: 'ready' | TaskOutcome) => {
      if (message === 'ready') this.#ready.resolve();
      else this.#settle(message);
    });
    this.#worker.on('error', (error) => this.#finish(stopped(error.message)));
    this.#worker.on('exit', () => {
      this.#finish(stopped('its thread ended'));
      gone();
    });
  }

  get idle(): boolean {
    return this.#current === null && !this.#ended;
  }

  run(waiting: Waiting, limitMs: number): void {
    this.#current = waiting;
    this.#clock(null);
    this.#worker.ref();
    // The time until the thread runs at all is not the expression's.
    void this.#ready.promise.then(() => {
      if (this.#current !== waiting || this.#ended) return;
      this.#clock(setTimeout(() => void this.end(TOO_SLOW), limitMs));
      this.#worker.postMessage(waiting.task, [waiting.task.data.buffer]);
    });
  }

  /** Ends the thread; the task that it works on gets this outcome. */
  async end(outcome: TaskOutcome): Promise<void> {
    this.#finish(outcome);
    await this.#worker.terminate();
  }

  #finish(outcome: TaskOutcome): void {
    this.#ended = true;
    this.#ready.resolve();
    this.#settle(outcome);
  }

  #settle(outcome: TaskOutcome): void {
    const current = this.#current;
    this.#current = null;
    this.#clock(null);
    current?.settle(outcome);
    if (this.#ended) return;
    // An idle thread keeps no process alive.
    this.#worker.unref();
    this.#clock(setTimeout(() => void this.end(stopped('it was idle')), IDLE_MS).unref());
    this.#freed();
  }

  #clock(timer: NodeJS.Timeout | null): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = timer;
  }
}

function stopped(reason: string): TaskOutcome {
  return { ok: false, code: 'unavailable', message: `the log could not be searched to its end: ${reason}` };
}

import type { Database } from '@kiln/store/database.ts';
import { readRecentTasks, readTasks, type TaskStanding } from '@kiln/store/reads/tasks.ts';
import type { Changes } from '../live/changes.ts';

/** Who wants to know how a task goes: told by each look, null when it is gone. Must not throw. */
export type TaskListener = (task: TaskStanding | null) => void;
/** Who wants to know which tasks there are: told by each look of those that run, or did so a moment ago. Must not throw. */
export type TasksListener = (tasks: readonly { taskId: string; attempt: number; isRunning: boolean }[]) => void;

/**
 * Tasks that are followed on this node. However many follow them, one query a second asks after all; a hint on the bus makes
 * it come at once.
 */
export class TaskFeeds {
  readonly #db: Database;
  readonly #listeners = new Map<string, Set<TaskListener>>();
  readonly #all = new Set<TasksListener>();
  /** Runs of the tasks that are followed, as the last look found them. */
  #runs = new Set<string>();
  #wake: () => void = () => {};

  constructor(db: Database, changes: Changes) {
    this.#db = db;
    changes.follow((_key, { topic, id }) => {
      if (topic === 'run' && (this.#all.size > 0 || this.#runs.has(id))) this.#wake();
    });
  }

  /** Gets what makes the next `poll` come at once. */
  set wake(wake: () => void) {
    this.#wake = wake;
  }

  /** Tells `listener` of this task until the returned function is called; the first time at once. */
  follow(taskId: string, listener: TaskListener): () => void {
    const listeners = this.#listeners.get(taskId) ?? new Set();
    this.#listeners.set(taskId, listeners.add(listener));
    this.#wake();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(taskId) === listeners) this.#listeners.delete(taskId);
    };
  }

  /** Tells `listener` which tasks run until the returned function is called; the first time at once. */
  followAll(listener: TasksListener): () => void {
    this.#all.add(listener);
    this.#wake();
    return () => this.#all.delete(listener);
  }

  /** Asks the database how the followed tasks stand, and tells who follows them. */
  async poll(): Promise<void> {
    if (this.#all.size > 0) {
      const recent = await readRecentTasks(this.#db);
      for (const listener of this.#all) listener(recent);
    }
    const ids = [...this.#listeners.keys()];
    if (ids.length === 0) return;
    const tasks = await readTasks(this.#db, ids);
    this.#runs = new Set([...tasks.values()].map(({ runId }) => runId));
    for (const id of ids) {
      const task = tasks.get(id) ?? null;
      for (const listener of this.#listeners.get(id) ?? []) listener(task);
    }
  }
}

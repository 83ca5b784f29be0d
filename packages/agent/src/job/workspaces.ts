import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { messageOf, type ServiceLog } from '../service-log.ts';
import type { AttemptRecord } from './attempt-record.ts';
import type { Trash } from './trash.ts';
import { Workspace } from './workspace.ts';

/** Folders kept for jobs to come; more would only lie there. */
const MOST_IDLE = 64;

/**
 * The folders in which attempts work. One that an attempt leaves as it found it is taken by the next one: making and removing
 * folders is most of what a short job costs its agent.
 */
export class Workspaces {
  readonly #jobs: string;
  readonly #trash: Trash;
  readonly #log: ServiceLog;
  /** Tells the folders of this agent from those that an earlier one left and whose removal is under way. */
  readonly #era = randomBytes(3).toString('hex');
  readonly #idle: string[] = [];
  readonly #recycled = new WeakSet<Workspace>();
  #made = 0;

  constructor(jobs: string, trash: Trash, log: ServiceLog) {
    this.#jobs = jobs;
    this.#trash = trash;
    this.#log = log;
  }

  /** A place for one attempt. Nothing is on the disk until it is opened. */
  take(): Workspace {
    const idle = this.#idle.pop();
    const workspace = new Workspace(idle ?? join(this.#jobs, `${this.#era}-${++this.#made}`));
    if (idle !== undefined) this.#recycled.add(workspace);
    return workspace;
  }

  /** Makes the folders. Waits while too many of finished jobs are still to be removed. */
  async open(workspace: Workspace, attempt: AttemptRecord): Promise<void> {
    await this.#trash.room();
    workspace.create(attempt, this.#recycled.has(workspace));
  }

  /** Takes a place back: nothing runs there any more, and nothing is left to be told about its attempt. */
  giveBack(workspace: Workspace): void {
    try {
      workspace.forget();
      if (this.#idle.length < MOST_IDLE && workspace.isUntouched()) {
        this.#idle.push(workspace.folder);
        return;
      }
    } catch (error) {
      // A job may close its own folders to us, or remove them; the removal opens them again.
      this.#log.debug({ error: messageOf(error), folder: workspace.folder }, 'folder of a job is not as it was');
    }
    this.#trash.add(workspace.folder);
  }
}

import { messageOf, type ServiceLog } from '../service-log.ts';

/** More jobs than this may not wait for their folders to be removed. */
const LIMIT = 16;

/** Removes the folders of finished jobs, one after the other, without anybody waiting for it. */
export class Trash {
  readonly #log: ServiceLog;
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(log: ServiceLog) {
    this.#log = log;
  }

  /** Removes something later. A failure is logged. */
  add(what: string, remove: () => Promise<void>): void {
    this.#waiting++;
    this.#work = this.#work.then(remove).then(
      () => {
        this.#waiting--;
      },
      (error: unknown) => {
        this.#waiting--;
        this.#log.warn({ error: messageOf(error), path: what }, 'folder was not removed');
      },
    );
  }

  /** Waits while too much is left to remove, so that quick jobs can't fill the disk. */
  async room(): Promise<void> {
    while (this.#waiting > LIMIT) await this.#work;
  }

  async emptied(): Promise<void> {
    await this.#work;
  }
}

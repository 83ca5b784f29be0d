import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf, type ServiceLog } from '../service-log.ts';

const run = promisify(execFile);

/** More folders than this may not wait to be removed. */
const LIMIT = 256;
/** How long folders are gathered, so that one process removes those of many quick jobs. */
const GATHER_MS = 250;

/** Removes the folders of finished jobs without anybody waiting for it, in a process of its own. */
export class Trash {
  readonly #log: ServiceLog;
  #waiting: string[] = [];
  #removing: Promise<void> | null = null;

  constructor(log: ServiceLog) {
    this.#log = log;
  }

  /** Removes a folder later. A failure is logged. */
  add(folder: string): void {
    this.#waiting.push(folder);
    this.#removing ??= this.#empty().finally(() => {
      this.#removing = null;
    });
  }

  /** Waits while too much is left to remove, so that quick jobs can't fill the disk. */
  async room(): Promise<void> {
    while (this.#waiting.length > LIMIT) await this.#removing;
  }

  async #empty(): Promise<void> {
    while (this.#waiting.length > 0) {
      await sleep(GATHER_MS, undefined, { ref: false });
      const folders = this.#waiting.splice(0, LIMIT);
      await removeFolders(folders).catch((error: unknown) => {
        this.#log.warn(
          { error: messageOf(error), folders: folders.length },
          'folders of finished jobs were not removed',
        );
      });
    }
  }
}

/** Removes folders with all that is in them, also what a build made read-only. */
export async function removeFolders(folders: readonly string[]): Promise<void> {
  await run('rm', ['-rf', '--', ...folders]).catch(async () => {
    await run('chmod', ['-Rf', 'u+rwX', '--', ...folders]).catch(() => {});
    await run('rm', ['-rf', '--', ...folders]);
  });
}

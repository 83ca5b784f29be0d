import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How many are made at a time, and how few may be left before more are made. */
const BATCH = 32;
const LOW = 8;

/**
 * The two ends of a pipe, as file descriptors of this process, and its name, by which another process can open it. Whoever
 * takes it closes both and removes the name.
 */
export interface Pipe {
  readEnd: number;
  writeEnd: number;
  path: string;
}

/**
 * Real pipes for the output of commands. What Node.js calls a pipe is a socket, which a script can't open again as
 * /dev/stderr, and which stdout and stderr can't share. Node.js can't make pipes, so named ones are made ahead, many by
 * one mkfifo.
 */
export class PipePool {
  readonly #folder: string;
  #ready: string[] = [];
  #made = 0;
  #making: Promise<void> | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Removes what an earlier process left and makes the first pipes. Throws when mkfifo can't. */
  async open(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#make();
  }

  async take(): Promise<Pipe> {
    if (this.#ready.length <= LOW) void this.#makeAside();
    let path = this.#ready.pop();
    while (path === undefined) {
      await this.#make();
      path = this.#ready.pop();
    }
    // The reader first: without one, opening the other end would block.
    const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return { readEnd, writeEnd: openSync(path, constants.O_WRONLY), path };
    } catch (error) {
      closeSync(readEnd);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#makeAside();
    this.#ready = [];
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Whoever needs a pipe and finds none tries again and gets the error. */
  async #makeAside(): Promise<void> {
    await this.#make().catch(() => {});
  }

  #make(): Promise<void> {
    this.#making ??= this.#makeBatch().finally(() => {
      this.#making = null;
    });
    return this.#making;
  }

  async #makeBatch(): Promise<void> {
    const paths = Array.from({ length: BATCH }, () => join(this.#folder, String(++this.#made)));
    await run('mkfifo', ['-m', '600', ...paths]);
    this.#ready.push(...paths);
  }
}

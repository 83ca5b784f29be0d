import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@kiln/service/log.ts';
import type { GoMessage, PartMessage } from '../parent.ts';
import { deathsInARow, restartDelayMs } from './restart-delay.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/**
 * What keeps a part small: young objects get 8 MB and not 16, and each large buffer is given back to the system when it is
 * freed (glibc otherwise raises the size from which it does that). Sealing a log of 350 MB grew the server by 110 MB without them, and
 * by 36 to 48 MB with them.
 */
const SMALL_HEAP = ['--max-semi-space-size=8'];
const SMALL_BUFFERS = { MALLOC_MMAP_THRESHOLD_: '262144' };

/** How long a part may take to stop before it is killed, in milliseconds. */
const STOP_LIMIT_MS = 15_000;

export type Addresses = Record<string, string | null>;

export interface PartOptions {
  /** The command to run, and what the log calls it. */
  name: 'server' | 'agent';
  args: string[];
  log: Logger;
  /** What it is told when it may go; asked again at each start. */
  environment: () => Promise<Record<string, string>>;
  /** It is ready, for the first time or again. */
  onReady: (addresses: Addresses) => void;
  /** Whether it may end with 0: it has one task and ends when that is done. */
  once: boolean;
  /** It ended and is not started again: its task is done, or it could not even start. */
  onEnd: (ending: Ending) => void;
  /** Its process is another one now, or none. */
  onProcess: (pid: number | null) => void;
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What it said about its end, if it could. */
  message: string | null;
}

/**
 * A child process that comes back when it dies. It is started at once, loads its code, and goes when it is told.
 * In a process group of its own, so that Ctrl-C reaches it only through the supervisor, in the right order.
 */
export class Part {
  readonly #options: PartOptions;
  #child: ChildProcess | null = null;
  #wasReady = false;
  readonly #stopping = new AbortController();
  #deaths = 0;
  #startedAt = 0;
  #lastWords: string | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: PartOptions) {
    this.#options = options;
    this.#start();
  }

  /** Sends a signal, if the process lives now. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Asks it to stop and waits; kills it after a while, or at once when `hasten` is aborted. */
  async stop(hasten: AbortSignal): Promise<void> {
    this.#stopping.abort();
    const kill = () => this.signal('SIGKILL');
    const timer = setTimeout(kill, STOP_LIMIT_MS);
    hasten.addEventListener('abort', kill);
    this.signal(hasten.aborted ? 'SIGKILL' : 'SIGTERM');
    await this.#ended;
    clearTimeout(timer);
    hasten.removeEventListener('abort', kill);
  }

  #start(): void {
    const { name, args } = this.#options;
    const child = fork(MAIN, [name, ...args], {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...process.execArgv, ...SMALL_HEAP],
      env: { ...SMALL_BUFFERS, ...process.env, KILN_PART: name },
    });
    this.#child = child;
    this.#startedAt = Date.now();
    this.#options.onProcess(child.pid ?? null);
    child.on('message', (message) => this.#hear(message));
    this.#lastWords = null;
    this.#ended = new Promise<void>((resolve) => {
      // A process that could not be started at all has no exit.
      child.once('error', (error) => {
        if (child.pid !== undefined) return;
        this.#died({ code: 1, signal: null, message: error.message });
        resolve();
      });
      child.once('exit', (code, signal) => {
        this.#died({ code, signal, message: this.#lastWords });
        resolve();
      });
    });
    void this.#release(child);
  }

  async #release(child: ChildProcess): Promise<void> {
    const go: GoMessage = { type: 'go', env: await this.#options.environment() };
    // Between the two it may have died; its exit is seen elsewhere.
    if (child.connected) child.send(go, () => {});
  }

  #hear(message: unknown): void {
    if (!isPartMessage(message)) return;
    if (message.type === 'failed') {
      this.#lastWords = message.message;
      return;
    }
    this.#wasReady = true;
    this.#options.onReady(message.addresses);
  }

  #died(ending: Ending): void {
    this.#child = null;
    this.#options.onProcess(null);
    if (this.#stopping.signal.aborted) return;
    const { code, signal } = ending;
    const done = code === 0 && this.#options.once;
    const neverStarted = !this.#wasReady && signal === null && code !== 0;
    if (done || neverStarted) {
      this.#options.onEnd(ending);
      return;
    }
    this.#deaths = deathsInARow(this.#deaths, Date.now() - this.#startedAt);
    const waitMs = restartDelayMs(this.#deaths);
    const why = ending.message === null ? {} : { error: ending.message };
    this.#options.log.warn({ part: this.#options.name, code, signal, ...why, waitMs }, 'part ended, starting it again');
    void this.#restart(waitMs);
  }

  async #restart(waitMs: number): Promise<void> {
    await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    if (!this.#stopping.signal.aborted) this.#start();
  }
}

function isPartMessage(message: unknown): message is PartMessage {
  return typeof message === 'object' && message !== null && 'type' in message;
}

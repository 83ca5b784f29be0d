import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@kiln/service/log.ts';
import { type EmbeddedPostgres, startEmbedded } from '@kiln/store/embedded.ts';
import { deathsInARow, restartDelayMs } from './restart-delay.ts';

/** Restarts on the old port before another one is taken. */
const PATIENCE = 3;

/** The embedded PostgreSQL under supervision: started again, on the same port, when it dies. */
export class SupervisedPostgres {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #onMoved: () => void;
  readonly #stopping = new AbortController();
  #server: EmbeddedPostgres | null = null;
  #watching = Promise.resolve();
  #deaths = 0;
  #startedAt = 0;

  /** `onMoved` is called when the server came back at another address. */
  constructor(folder: string, log: Logger, onMoved: () => void) {
    this.#folder = folder;
    this.#log = log;
    this.#onMoved = onMoved;
  }

  /** Starts it and returns once it takes connections. Throws when it can't start. */
  async start(): Promise<void> {
    const starting = startEmbedded(this.#folder);
    // A stop in the middle of the start waits for it: what half started would go on alone.
    this.#watching = starting.then(
      async (server) => await this.#watch(server),
      () => {},
    );
    await starting;
  }

  /** Where it is, as a URL. It holds the password: never in an argument or a log. */
  url(): string {
    if (!this.#server) throw new Error('PostgreSQL was not started');
    const { host, port, user, password, database } = this.#server.address;
    return `postgres://${user}:${password}@${host}:${port}/${database}`;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#server?.stop();
    await this.#watching;
  }

  async #watch(first: EmbeddedPostgres): Promise<void> {
    let server = first;
    for (;;) {
      this.#server = server;
      this.#startedAt = Date.now();
      if (this.#stopping.signal.aborted) return await server.stop();
      await server.exited;
      if (this.#stopping.signal.aborted) return;
      this.#deaths = deathsInARow(this.#deaths, Date.now() - this.#startedAt);
      const waitMs = restartDelayMs(this.#deaths);
      this.#log.warn({ part: 'postgres', pid: server.pid, waitMs }, 'part ended, starting it again');
      const next = await this.#revive(server, waitMs);
      if (!next) return;
      server = next;
    }
  }

  /** Null when a stop came first. */
  async #revive(dead: EmbeddedPostgres, firstWaitMs: number): Promise<EmbeddedPostgres | null> {
    let waitMs = firstWaitMs;
    for (let tries = 1; ; tries++) {
      await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return null;
      try {
        const { port } = dead.address;
        const server = await startEmbedded(this.#folder, tries <= PATIENCE ? { port } : {});
        this.#server = server;
        if (server.address.port !== port) this.#onMoved();
        return server;
      } catch (error) {
        waitMs = restartDelayMs(tries + 1);
        this.#log.error({ part: 'postgres', err: error, waitMs }, 'part could not be started, trying again');
      }
    }
  }
}

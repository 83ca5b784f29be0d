/**
 * The bus carries motion, never truth: each message is a hint ("look now") or a copy of what is committed already. Lose
 * all of them and the work still completes, because whoever listens also looks by itself from time to time.
 */
export interface Bus {
  publish(subject: string, message: unknown): void;
  /** Calls `handler` for each message until the returned function is called. A handler must not throw. */
  subscribe(subject: string, handler: (message: unknown) => void): () => void;
  close(): Promise<void>;
}

/** The bus of one process. Messages are handed over in the same turn, in order, without a copy. */
export class LocalBus implements Bus {
  readonly #handlers = new Map<string, Set<(message: unknown) => void>>();

  publish(subject: string, message: unknown): void {
    for (const handler of this.#handlers.get(subject) ?? []) handler(message);
  }

  subscribe(subject: string, handler: (message: unknown) => void): () => void {
    const set = this.#handlers.get(subject) ?? new Set();
    this.#handlers.set(subject, set.add(handler));
    return () => {
      set.delete(handler);
      if (set.size === 0) this.#handlers.delete(subject);
    };
  }

  async close(): Promise<void> {
    this.#handlers.clear();
  }
}

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { Bus } from '@kiln/store/bus/bus.ts';
import type { LiveFrame } from '@kiln/store/bus/log-copy.ts';
import type { LogStanding, LogStore } from '@kiln/store/logs/log-store.ts';

/** Who wants to know how a log grows. Neither function may throw. */
export interface LogListener {
  /** A copy of frames just committed; some may never come. */
  frames(frames: readonly LiveFrame[]): void;
  /** How the log stands by the database; null when the attempt is gone. Comes about once a second. */
  standing(standing: LogStanding | null): void;
}

interface Feed {
  jobId: string;
  attempt: number;
  listeners: Set<LogListener>;
  unsubscribe: () => void;
}

/**
 * Logs that are followed on this node. However many follow one, it has one subscription, and one query a second asks
 * after all of them together: so nothing is missed when the bus loses messages, or is another process's.
 */
export class LogFeeds {
  readonly #logs: LogStore;
  readonly #bus: Bus;
  readonly #feeds = new Map<string, Feed>();
  #wake: () => void = () => {};

  constructor(logs: LogStore, bus: Bus) {
    this.#logs = logs;
    this.#bus = bus;
  }

  /** Gets what makes the next `poll` come at once. */
  set wake(wake: () => void) {
    this.#wake = wake;
  }

  /** Tells `listener` of this log until the returned function is called. */
  follow(jobId: string, attempt: number, listener: LogListener): () => void {
    const key = `${jobId}.${attempt}`;
    const feed = this.#feeds.get(key) ?? this.#open(key, jobId, attempt);
    feed.listeners.add(listener);
    return () => {
      feed.listeners.delete(listener);
      if (feed.listeners.size > 0 || this.#feeds.get(key) !== feed) return;
      feed.unsubscribe();
      this.#feeds.delete(key);
    };
  }

  /** Asks the database how the followed logs stand, and tells who follows them. */
  async poll(): Promise<void> {
    const feeds = [...this.#feeds.values()];
    if (feeds.length === 0) return;
    const standings = await this.#logs.standings(feeds);
    for (const feed of feeds) {
      const standing = standings.get(`${feed.jobId}.${feed.attempt}`) ?? null;
      for (const listener of feed.listeners) listener.standing(standing);
    }
  }

  #open(key: string, jobId: string, attempt: number): Feed {
    const listeners = new Set<LogListener>();
    const unsubscribe = this.#bus.subscribe(SUBJECTS.log(jobId, attempt), (message) => {
      const { frames, end } = message;
      if (frames.length > 0) for (const listener of listeners) listener.frames(frames);
      if (end) this.#wake();
    });
    const feed = { jobId, attempt, listeners, unsubscribe };
    this.#feeds.set(key, feed);
    return feed;
  }
}

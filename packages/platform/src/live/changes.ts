import { type Change, SUBJECTS } from '@kiln/protocol/bus.ts';
import type { LiveMessage } from '@kiln/protocol/live.ts';
import type { Bus } from '@kiln/store/bus/bus.ts';

type Changed = Extract<LiveMessage, { type: 'changed' }>;

/** No page is told of the same thing more often than four times a second. */
const PAUSE_MS = 250;
/** Things that may be in their pause at once; hints about more are dropped, as every hint may be. */
const MOST = 10_000;

/** Tells open pages what changed: at once, then after each pause if it changed again. */
export class Changes {
  readonly #listeners = new Set<(key: string, message: Changed) => void>();
  readonly #pauses = new Map<string, { again: boolean; timer: NodeJS.Timeout }>();
  readonly #unsubscribe: () => void;

  constructor(bus: Bus) {
    this.#unsubscribe = bus.subscribe(SUBJECTS.changed, (change) => {
      if (this.#listeners.size > 0) this.#changed(change);
    });
  }

  /** Calls `listener` until the returned function is called. It must not throw. */
  follow(listener: (key: string, message: Changed) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#unsubscribe();
    for (const { timer } of this.#pauses.values()) clearTimeout(timer);
    this.#pauses.clear();
  }

  #changed(change: Change): void {
    const key = `${change.topic} ${change.id}`;
    const pause = this.#pauses.get(key);
    if (pause) {
      pause.again = true;
      return;
    }
    if (this.#pauses.size >= MOST) return;
    const timer = setTimeout(() => {
      const { again } = this.#pauses.get(key) ?? { again: false };
      this.#pauses.delete(key);
      if (again) this.#changed(change);
    }, PAUSE_MS);
    this.#pauses.set(key, { again: false, timer });
    const message = { type: 'changed', ...change } as const;
    for (const listener of this.#listeners) listener(key, message);
  }
}

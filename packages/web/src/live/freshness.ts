import type { ChangeTopic } from '@kiln/protocol/bus.ts';
import type { QueryClient } from '@tanstack/react-query';

/** Which queries a hint about a topic makes stale. Keys without an id are lists and summaries. */
const STALE: Record<ChangeTopic, (id: string) => (readonly unknown[])[]> = {
  run: (id) => [['run', id], ['runs'], ['overview'], ['recipe'], ['recipes']],
  recipe: (id) => [['recipe', id], ['recipes'], ['overview']],
  package: () => [['packages'], ['overview']],
  agent: () => [['agents'], ['overview']],
  event: () => [['dead-letters'], ['overview']],
  host: (id) => [['host', id], ['hosts']],
  problem: () => [['overview']],
};

/** A thing that somebody watches closely is looked at this often at most; a list, less often. */
const DETAIL_MS = 250;
const LIST_MS = 1000;

/**
 * Turns the live socket's hints into refetches of what is on the screen. However many hints come, each query is asked at
 * most once an interval, at once for the first one.
 */
export class Freshness {
  readonly #client: QueryClient;
  readonly #waiting = new Map<string, { key: readonly unknown[]; again: boolean }>();

  constructor(client: QueryClient) {
    this.#client = client;
  }

  /** Something about `id` changed. */
  changed(topic: ChangeTopic, id: string): void {
    for (const key of STALE[topic]?.(id) ?? []) this.#mark(key);
  }

  /** The socket was away: anything may have changed. */
  everything(): void {
    void this.#client.invalidateQueries();
  }

  #mark(key: readonly unknown[]): void {
    const name = JSON.stringify(key);
    const entry = this.#waiting.get(name);
    if (entry) {
      entry.again = true;
      return;
    }
    // An answer that is under way may have been made before the change: it is let through, and asked for again.
    const fresh = { key, again: this.#client.isFetching({ queryKey: key }) > 0 };
    this.#waiting.set(name, fresh);
    // A page that nobody looks at is refreshed when somebody does.
    const refetchType = document.hidden ? 'none' : 'active';
    void this.#client.invalidateQueries({ queryKey: key, refetchType }, { cancelRefetch: false });
    setTimeout(
      () => {
        this.#waiting.delete(name);
        if (fresh.again) this.#mark(key);
      },
      key.length > 1 ? DETAIL_MS : LIST_MS,
    );
  }
}

/**
 * Counts failures by key (an address) in windows of time, and says who has had too many. The memory is bounded: when it is
 * full the oldest key is forgotten.
 */
export class FailureLimit {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #size: number;
  readonly #counts = new Map<string, { count: number; until: number }>();

  constructor(options: { limit: number; windowMs: number; size?: number }) {
    this.#limit = options.limit;
    this.#windowMs = options.windowMs;
    this.#size = options.size ?? 10_000;
  }

  /** Seconds that this key has to wait, 0 when it need not. */
  waitSeconds(key: string, now = Date.now()): number {
    const entry = this.#counts.get(key);
    if (!entry || entry.until <= now || entry.count < this.#limit) return 0;
    return Math.ceil((entry.until - now) / 1000);
  }

  /** Counts one failure of this key. */
  fail(key: string, now = Date.now()): void {
    const entry = this.#counts.get(key);
    if (entry && entry.until > now) {
      entry.count += 1;
      return;
    }
    this.#counts.delete(key);
    if (this.#counts.size >= this.#size) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    this.#counts.set(key, { count: 1, until: now + this.#windowMs });
  }
}

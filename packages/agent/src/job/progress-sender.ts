/** Between two messages about what a step says, and between two about steps that follow each other quickly. */
const CALM_MS = 250;
const QUICK_MS = 25;

/** Decides when progress is told: at once when a step or a phase changes, else about four times a second. */
export class ProgressSender {
  readonly #send: () => void;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;
  #sentAt = 0;

  constructor(send: () => void) {
    this.#send = send;
  }

  /** There is something to tell. */
  changed(isStep: boolean): void {
    const now = performance.now();
    const dueAt = Math.max(now, this.#sentAt + (isStep ? QUICK_MS : CALM_MS));
    if (this.#timer && this.#dueAt <= dueAt) return;
    this.#clear();
    if (dueAt <= now) {
      this.#fire();
    } else {
      this.#dueAt = dueAt;
      this.#timer = setTimeout(() => this.#fire(), dueAt - now);
    }
  }

  /** Something else told it just now. */
  told(): void {
    this.#clear();
    this.#sentAt = performance.now();
  }

  stop(): void {
    this.#clear();
  }

  #fire(): void {
    this.told();
    this.#send();
  }

  #clear(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

import type { BusMessages, BusSubject } from '@kiln/protocol/bus.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { Bus, BusHandler } from './bus.ts';

interface Subscription<Subject extends BusSubject> {
  handler: BusHandler<Subject>;
  isOver: boolean;
}

/** The bus of one process. Messages are handed over in the turn of their publishing, as they are. */
export class LocalBus implements Bus {
  readonly #log: Pick<Logger, 'error'>;
  #subscriptions: { [Subject in BusSubject]?: Set<Subscription<Subject>> } = {};
  /** Deliveries that wait for the one under way: a handler that publishes must not overtake the message that it was told. */
  readonly #waiting: (() => void)[] = [];
  #isDelivering = false;
  #isClosed = false;

  constructor(log: Pick<Logger, 'error'>) {
    this.#log = log;
  }

  publish<Subject extends BusSubject>(subject: Subject, message: BusMessages[Subject]): void {
    if (this.#isClosed) return;
    this.#waiting.push(() => this.#deliver(subject, message));
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    for (let deliver = this.#waiting.shift(); deliver; deliver = this.#waiting.shift()) deliver();
    this.#isDelivering = false;
  }

  subscribe<Subject extends BusSubject>(subject: Subject, handler: BusHandler<Subject>): () => void {
    if (this.#isClosed) return () => {};
    const subscription: Subscription<Subject> = { handler, isOver: false };
    const all: Set<Subscription<Subject>> = this.#subscriptions[subject] ?? new Set();
    Object.assign(this.#subscriptions, { [subject]: all.add(subscription) });
    return () => {
      subscription.isOver = true;
      all.delete(subscription);
      if (all.size === 0 && this.#subscriptions[subject] === all) delete this.#subscriptions[subject];
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#subscriptions = {};
  }

  #deliver<Subject extends BusSubject>(subject: Subject, message: BusMessages[Subject]): void {
    // A copy: who subscribes now gets the next message, not this one.
    for (const subscription of [...(this.#subscriptions[subject] ?? [])]) {
      if (this.#isClosed) return;
      if (subscription.isOver) continue;
      try {
        subscription.handler(message);
      } catch (error) {
        this.#log.error({ err: error, subject }, 'a handler of a bus message failed');
      }
    }
  }
}

import type { BusMessages, BusSubject } from '@kiln/protocol/bus.ts';

/** Must not keep the bus waiting: what takes time is started and supervised elsewhere, usually by waking a loop. */
export type BusHandler<Subject extends BusSubject> = (message: BusMessages[Subject]) => void;

/**
 * The bus carries motion, never truth: each message is a hint ("look now") or a copy of what is committed already. Lose
 * all of them and the work still completes, because whoever listens also looks by itself from time to time.
 *
 * What any bus promises (`bus.contract.ts`): a message reaches every subscription of its subject on every node at most
 * once, or is lost; those that arrive come in the order in which one node published them on that subject. Nothing is kept for
 * who subscribes later. A message is plain JSON (and the bytes of frames) that nobody changes once it is published; one of more than 1 MB of JSON may
 * always be lost. A handler that throws is logged and disturbs neither the publisher nor other handlers.
 */
export interface Bus {
  /** Never throws and never waits. After `close` it does nothing. */
  publish<Subject extends BusSubject>(subject: Subject, message: BusMessages[Subject]): void;
  /**
   * Calls `handler` for each message until the returned function is called, and not once after that. Called twice with the same
   * handler, it makes two subscriptions.
   */
  subscribe<Subject extends BusSubject>(subject: Subject, handler: BusHandler<Subject>): () => void;
  /** Nothing is delivered once this is called. */
  close(): Promise<void>;
}

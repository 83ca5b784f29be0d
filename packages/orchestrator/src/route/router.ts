import { AsyncLocalStorage } from 'node:async_hooks';
import { EVENT_POLICY } from '@kiln/protocol/events.ts';
import { currentTraceparent, inSpan } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { type EventLease, type LeasedEvent, leaseEvents, returnEvents } from '@kiln/store/event-leases.ts';
import type { Roster } from '../recipes/roster.ts';
import { announceResults } from './announce-results.ts';
import { ArchiveCheck } from './archive-check.ts';
import { askUpstream } from './ask.ts';
import { isQuestion } from './build.ts';
import { commitRoutes, StaleLease } from './commit.ts';
import { failAttempt } from './dead.ts';
import { about } from './fields.ts';
import type { RouteMetrics } from './metrics.ts';
import type { Plan, Question, Routed } from './plan.ts';
import { readEvent, withoutArchived } from './read-event.ts';

/** Events in one transaction: enough that its fixed cost does not count, few enough that it takes milliseconds. */
const BATCH = 100;
/** Upstreams asked at once. They can be slow, and must not hold up events that need none. */
const QUESTIONS = 8;
/** When so many are asked already, a further question waits this long, in milliseconds. */
const QUESTION_PAUSE_MS = 500;

/** The recipes, which are brought up to date before each batch: whoever made the events may have known newer ones. */
export type RouterRoster = Pick<Roster, 'all' | 'get' | 'catchUp'>;

/** An event that was read, with what it comes to or the question that comes first. */
type Read = Omit<Routed, 'plan'> & { found: Plan | Question };

/**
 * Leases due events in batches, reads what each comes to, and commits a batch in one transaction. Where the batch fails its
 * events are committed one by one, so that only the one at fault is tried again. Events that must ask an upstream first
 * go aside.
 */
export class Router {
  readonly #context: FarmContext;
  readonly #roster: RouterRoster;
  readonly #metrics: RouteMetrics;
  readonly #questions = new Set<Promise<void>>();
  /** Leases that the database was not there to end. */
  #stranded: EventLease[] = [];

  constructor(context: FarmContext, roster: RouterRoster, metrics: RouteMetrics) {
    this.#context = context;
    this.#roster = roster;
    this.#metrics = metrics;
  }

  /** Routes until nothing is due. Throws when the database fails; what was leased is then due again at the next call. */
  async routeDue(signal: AbortSignal): Promise<void> {
    const { db, instance } = this.#context;
    await returnEvents(db, this.#stranded, 0);
    this.#stranded = [];
    while (!signal.aborted) {
      const events = await leaseEvents(db, { instance, limit: BATCH });
      if (events.length === 0) return;
      try {
        await this.#route(events);
      } catch (error) {
        this.#stranded = events;
        throw error;
      }
    }
  }

  /** Settles when no question is under way. */
  async settled(): Promise<void> {
    while (this.#questions.size > 0) await Promise.all(this.#questions);
  }

  async #route(events: readonly LeasedEvent[]): Promise<void> {
    await this.#roster.catchUp();
    const archive = new ArchiveCheck(this.#context);
    const read = await Promise.all(events.map(async (event) => await this.#read(event, archive)));
    const batch: Routed[] = [];
    for (const one of read) {
      if (one === null) continue;
      const { found, ...rest } = one;
      if (!isQuestion(found)) batch.push({ ...rest, plan: found });
      else if (this.#questions.size < QUESTIONS) this.#ask(rest, found);
      else await returnEvents(this.#context.db, [rest.event], QUESTION_PAUSE_MS);
    }
    await this.#commit(batch);
  }

  /** Null: the event could not be read; that is written down already. */
  async #read(event: LeasedEvent, archive: ArchiveCheck): Promise<Read | null> {
    const { db, log } = this.#context;
    const attributes = { 'kiln.event_id': event.eventId, 'kiln.request_id': event.requestId };
    return await inSpan('event.route', { parent: event.traceparent, attributes }, async () => {
      try {
        const found = await readEvent({ db, log, roster: this.#roster, archive }, event);
        return { event, found, traceparent: currentTraceparent(), inSpan: AsyncLocalStorage.snapshot() };
      } catch (error) {
        await failAttempt(this.#context, this.#metrics, event, error);
        return null;
      }
    });
  }

  async #commit(batch: readonly Routed[]): Promise<void> {
    const [only] = batch;
    if (!only) return;
    try {
      const { db, service, instance } = this.#context;
      const results = await db.begin(async (sql) => await commitRoutes(sql, batch, { service, instance }));
      announceResults(this.#context, batch, results);
    } catch (error) {
      if (batch.length > 1) for (const routed of batch) await this.#commit([routed]);
      else await this.#fail(only, error);
    }
  }

  async #fail({ event, inSpan: within }: Pick<Routed, 'event' | 'inSpan'>, error: unknown): Promise<void> {
    await within(async () => {
      if (!(error instanceof StaleLease)) return await failAttempt(this.#context, this.#metrics, event, error);
      this.#context.log.warn(
        { ...about(event), name: event.name, err: error },
        'event lease lost; its outcome was dropped',
      );
    });
  }

  #ask(routed: Omit<Routed, 'plan'>, question: Question): void {
    const task = routed.inSpan(async () => await this.#answer(routed, question));
    this.#questions.add(task);
    void task.finally(() => this.#questions.delete(task));
  }

  /** Never rejects. */
  async #answer(routed: Omit<Routed, 'plan'>, question: Question): Promise<void> {
    const { db, log, config, lifecycle } = this.#context;
    const { event } = routed;
    try {
      try {
        // The lease must outlast the question.
        const timeoutMs = Math.min(config.orchestrator.pollTimeoutMs, EVENT_POLICY.leaseMs / 2);
        const asked = await askUpstream(question, event.receivedAt, { timeoutMs, signal: lifecycle.signal });
        const archive = new ArchiveCheck(this.#context);
        const plan = await withoutArchived({ log, archive }, event, asked);
        await this.#commit([{ ...routed, plan }]);
      } catch (error) {
        if (lifecycle.signal.aborted) await returnEvents(db, [event], 0);
        else await this.#fail(routed, error);
      }
    } catch (error) {
      log.error({ ...about(event), err: error }, 'the failure of an event could not be stored; its lease will expire');
    }
  }
}

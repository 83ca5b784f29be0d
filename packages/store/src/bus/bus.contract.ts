import { type BusMessages, type BusSubject, busSchema, SUBJECTS } from '@kiln/protocol/bus.ts';
import { Check } from 'typebox/value';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Bus } from './bus.ts';
import { LOG_END, logCopy } from './log-copy.ts';

/** A bus under test. */
export interface BusUnderTest {
  /** Its end at each of two nodes; the same one where a bus has but one process. */
  nodes: [Bus, Bus];
  /** Errors of handlers that were logged so far. */
  errors(): readonly unknown[];
  /** Frees what was opened; the ends are closed by then. */
  stop(): Promise<void>;
}

const LOG = SUBJECTS.log('6f9619ff-8b86-4011-b42d-00c04fc964ff', 1);
/** Bytes of every value, so that an encoding which loses one is found. */
const FRAME = { firstLine: 7, lines: 2, data: Uint8Array.from({ length: 256 }, (_, n) => n) };
const plainSubjects = Object.values(SUBJECTS).filter((subject) => typeof subject === 'string');
const LIMIT = { timeout: 30_000, interval: 5 };

/** A message of every subject. */
const SAMPLES = [
  sample(SUBJECTS.event, {}),
  sample(SUBJECTS.queue, {}),
  sample(SUBJECTS.watch, {}),
  sample(SUBJECTS.changed, { topic: 'run', id: 'ö "quoted" \n' }),
  sample(SUBJECTS.cancel, {}),
  sample(SUBJECTS.publish, {}),
  sample(SUBJECTS.ended, {}),
  sample(SUBJECTS.retry, {}),
  sample(SUBJECTS.roster, {}),
  sample(LOG, logCopy([FRAME])),
];

function sample<Subject extends BusSubject>(subject: Subject, message: BusMessages[Subject]) {
  return { subject, message, publish: (bus: Bus) => bus.publish(subject, message) };
}

const change = (id: string | number) => ({ topic: 'run', id: String(id) }) as const;

/** What any bus must do. Each of its tests opens one of its own. */
export function busContract(name: string, open: () => Promise<BusUnderTest>): void {
  describe(`the bus ${name}`, () => {
    let bus: BusUnderTest;
    let [here, there]: readonly Bus[] = [];
    beforeEach(async () => {
      bus = await open();
      [here, there] = bus.nodes;
    });
    afterEach(async () => {
      await Promise.all(bus.nodes.map(async (node) => await node.close()));
      await bus.stop();
    });

    /** The ids of the changes that arrive at one node, once messages from the other do arrive. */
    async function listen(): Promise<{ ids: string[]; unsubscribe: () => void }> {
      const ids: string[] = [];
      const unsubscribe = ends().there.subscribe(SUBJECTS.changed, ({ id }) => ids.push(id));
      await vi.waitFor(() => {
        ends().here.publish(SUBJECTS.changed, change('probe'));
        expect(ids).toContain('probe');
      }, LIMIT);
      // What is still on its way comes before this.
      await marked(ids, 'begin');
      ids.length = 0;
      return { ids, unsubscribe };
    }

    /** Waits until everything published before has arrived, and takes the mark away. */
    async function marked(ids: string[], mark: string): Promise<void> {
      ends().here.publish(SUBJECTS.changed, change(mark));
      await vi.waitFor(() => expect(ids.at(-1)).toBe(mark), LIMIT);
      ids.pop();
    }

    function ends(): { here: Bus; there: Bus } {
      if (!here || !there) throw new Error('the bus has two ends');
      return { here, there };
    }

    test('hands over what was published, of every subject, in its shape and but for bytes as plain JSON', async () => {
      const heard = new Map<string, unknown>();
      for (const { subject } of SAMPLES) ends().there.subscribe(subject, (message) => heard.set(subject, message));
      await vi.waitFor(() => {
        for (const { publish } of SAMPLES) publish(ends().here);
        expect(heard.size).toBe(SAMPLES.length);
      }, LIMIT);
      for (const { subject, message } of SAMPLES) {
        expect(Check(busSchema(subject), heard.get(subject)), subject).toBe(true);
        if (subject !== LOG) expect(heard.get(subject)).toEqual(JSON.parse(JSON.stringify(message)));
      }
      expect(SAMPLES.map(({ subject }) => subject)).toEqual(expect.arrayContaining(plainSubjects));
    });

    test('carries the bytes of frames, and the end of a log', async () => {
      const copies: BusMessages[typeof LOG][] = [];
      ends().there.subscribe(LOG, (copy) => copies.push(copy));
      await vi.waitFor(() => {
        ends().here.publish(LOG, logCopy([FRAME]));
        ends().here.publish(LOG, LOG_END);
        expect(copies.at(-1)?.end).toBe(true);
      }, LIMIT);
      const [frame] = copies.flatMap(({ frames }) => frames);
      expect(frame && { ...frame, data: Uint8Array.from(frame.data) }).toEqual(FRAME);
    });

    test('keeps the order of a subject', async () => {
      const { ids } = await listen();
      const sent = Array.from({ length: 1000 }, (_, n) => String(n));
      for (const id of sent) ends().here.publish(SUBJECTS.changed, change(id));
      await marked(ids, 'end');
      // Some may be lost; those that come are in order, and none comes twice.
      expect(ids).toEqual(sent.filter((id) => ids.includes(id)));
      expect(ids.length).toBeGreaterThan(0);
    });

    test('keeps the order also when a handler publishes', async () => {
      const { ids } = await listen();
      ends().here.subscribe(SUBJECTS.changed, ({ id }) => {
        if (id === 'first') ends().here.publish(SUBJECTS.changed, change('second'));
      });
      const second: string[] = [];
      ends().here.subscribe(SUBJECTS.changed, ({ id }) => second.push(id));
      ends().here.publish(SUBJECTS.changed, change('first'));
      await vi.waitFor(() => {
        expect(ids).toEqual(['first', 'second']);
        expect(second).toEqual(['first', 'second']);
      }, LIMIT);
    });

    test('tells every subscription of every node, and no other subject', async () => {
      const { ids } = await listen();
      const more: string[][] = [[], [], []];
      const nodes = [ends().here, ends().there, ends().there];
      const handlers = more.map(
        (list) =>
          ({ id }: { id: string }) =>
            void list.push(id),
      );
      for (const [n, node] of nodes.entries()) {
        const handler = handlers[n];
        if (handler) node.subscribe(SUBJECTS.changed, handler);
      }
      let others = 0;
      ends().there.subscribe(SUBJECTS.log('a', 1), () => others++);
      ends().there.subscribe(SUBJECTS.event, () => others++);
      ends().here.publish(SUBJECTS.log('a', 11), LOG_END);
      await vi.waitFor(() => {
        ends().here.publish(SUBJECTS.changed, change(1));
        for (const list of [ids, ...more]) expect(list).toContain('1');
      }, LIMIT);
      expect(others).toBe(0);
    });

    test('keeps nothing for who comes later', async () => {
      const { ids } = await listen();
      ends().here.publish(SUBJECTS.changed, change('early'));
      await vi.waitFor(() => expect(ids).toContain('early'), LIMIT);
      const late = await listen();
      await marked(late.ids, 'end');
      expect(late.ids).not.toContain('early');
    });

    test('is silent for who unsubscribed, and only for them', async () => {
      const handled: string[] = [];
      const handler = ({ id }: { id: string }) => void handled.push(id);
      // The same handler twice is two subscriptions.
      const unsubscribe = [1, 2].map(() => ends().there.subscribe(SUBJECTS.changed, handler));
      const { ids } = await listen();
      unsubscribe[0]?.();
      unsubscribe[0]?.();
      handled.length = 0;
      ends().here.publish(SUBJECTS.changed, change('half'));
      await marked(ids, 'half-end');
      expect(handled).toEqual(['half', 'half-end']);
      unsubscribe[1]?.();
      ends().here.publish(SUBJECTS.changed, change('none'));
      await marked(ids, 'end');
      expect(handled).toEqual(['half', 'half-end']);
      expect(ids).toEqual(['half', 'none']);
    });

    test('can be unsubscribed by a handler, from the message that is being handed over too', async () => {
      const { ids } = await listen();
      const unsubscribe: (() => void)[] = [];
      let calls = 0;
      const handler = () => {
        calls++;
        for (const end of unsubscribe) end();
      };
      unsubscribe.push(
        ends().there.subscribe(SUBJECTS.changed, handler),
        ends().there.subscribe(SUBJECTS.changed, handler),
      );
      await vi.waitFor(() => {
        ends().here.publish(SUBJECTS.changed, change('x'));
        expect(calls).toBe(1);
      }, LIMIT);
      await marked(ids, 'end');
      expect(calls).toBe(1);
    });

    test('waits for nothing that a handler began', async () => {
      const slow = Promise.withResolvers<void>();
      let begun = 0;
      let done = 0;
      ends().there.subscribe(SUBJECTS.changed, () => {
        begun++;
        void slow.promise.then(() => done++);
      });
      const { ids } = await listen();
      for (const id of ['1', '2', '3']) ends().here.publish(SUBJECTS.changed, change(id));
      await marked(ids, 'end');
      expect(ids).toEqual(['1', '2', '3']);
      expect(begun).toBeGreaterThanOrEqual(4);
      expect(done).toBe(0);
      slow.resolve();
      await vi.waitFor(() => expect(done).toBe(begun), LIMIT);
    });

    test('goes on when a handler throws, and says so', async () => {
      let wasCalled = false;
      ends().there.subscribe(SUBJECTS.changed, () => {
        wasCalled = true;
        throw new Error('a broken handler');
      });
      const { ids } = await listen();
      expect(() => ends().here.publish(SUBJECTS.changed, change(1))).not.toThrow();
      await marked(ids, 'end');
      expect(ids).toEqual(['1']);
      expect(wasCalled).toBe(true);
      expect(bus.errors()).toContainEqual(expect.objectContaining({ message: 'a broken handler' }));
    });

    test('is silent once it is closed, and lets itself be used and closed again', async () => {
      const { ids, unsubscribe } = await listen();
      for (const node of bus.nodes) {
        await node.close();
        await node.close();
        node.publish(SUBJECTS.changed, change('late'));
        node.subscribe(SUBJECTS.changed, ({ id }) => ids.push(id))();
      }
      unsubscribe();
      expect(ids).toEqual([]);
    });
  });
}

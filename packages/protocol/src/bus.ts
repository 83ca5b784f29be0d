import Type, { type Static, type TSchema } from 'typebox';

/**
 * What the nodes of a farm tell each other. A message is a hint ("look now") or a live copy of what is committed already;
 * any of them may be lost, and each has a loop that finds the same thing by looking from time to time.
 * Messages are plain JSON but for the bytes of frames, which a bus of one process hands over as they are: encoding all of a loud log
 * and decoding it again would be work for nothing. A bus that writes to a wire encodes them there.
 */

/** A hint that says all by its subject. */
export const Hint = Type.Unsafe<Record<string, never>>(Type.Object({}, { additionalProperties: false }));
export type Hint = Static<typeof Hint>;

/** What a page may show and can be told to look at again. The `id` beside it is the one given here. */
export const ChangeTopic = Type.Union([
  /** Run id. */
  Type.Literal('run'),
  /** Recipe name: what its upstream shows. */
  Type.Literal('recipe'),
  /** Package name: a version was published. */
  Type.Literal('package'),
  /** Agent id: it came or went. */
  Type.Literal('agent'),
  /** Event id: it went to the dead-letter queue, or left it. */
  Type.Literal('event'),
  /** Host name: a reading arrived. */
  Type.Literal('host'),
  /** Name of the host whose problems changed. */
  Type.Literal('problem'),
]);
export type ChangeTopic = Static<typeof ChangeTopic>;

export const Change = Type.Object({ topic: ChangeTopic, id: Type.String() }, { additionalProperties: false });
export type Change = Static<typeof Change>;

const Bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({}),
  (value) => value instanceof Uint8Array,
  () => 'must be bytes',
);

/** Frames of one attempt, as committed. */
export const LogCopy = Type.Object(
  {
    frames: Type.Array(
      Type.Object(
        {
          firstLine: Type.Integer({ minimum: 1 }),
          lines: Type.Integer({ minimum: 1 }),
          /** The frame (`frame.ts`). */
          data: Bytes,
        },
        { additionalProperties: false },
      ),
    ),
    /** The attempt ended. */
    end: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type LogCopy = Static<typeof LogCopy>;

/** The subjects without parameters, each with the schema of its messages. */
const HINTS = {
  /** An event was stored: route it now. */
  event: Hint,
  /** Jobs may be claimable. */
  queue: Hint,
  /** A watch was asked to poll at once. */
  watch: Hint,
  /** Something changed that a page may show. */
  changed: Change,
  /** A run is to be cancelled: tell the agents that are connected here. */
  cancel: Hint,
  /** A run wants to be published. */
  publish: Hint,
  /** An attempt ended: its log can be sealed. */
  ended: Hint,
  /** A run waits for its next try: look when that is. */
  retry: Hint,
  /** The roster was reloaded. */
  roster: Hint,
} as const;

type LogSubject = `log.${string}.${number}`;

/** Every subject with the message that goes over it. */
export type BusMessages = { [Subject in keyof typeof HINTS]: Static<(typeof HINTS)[Subject]> } & {
  [subject: LogSubject]: LogCopy;
};
export type BusSubject = keyof BusMessages;

/** The subjects by name. */
export const SUBJECTS = {
  event: 'event',
  queue: 'queue',
  watch: 'watch',
  changed: 'changed',
  cancel: 'cancel',
  publish: 'publish',
  ended: 'ended',
  retry: 'retry',
  roster: 'roster',
  /** Live copy of one attempt's log. */
  log: (jobId: string, attempt: number): LogSubject => `log.${jobId}.${attempt}`,
} as const satisfies { [Subject in keyof typeof HINTS]: Subject } & { log: unknown };

const schemas: Record<string, TSchema> = HINTS;

/** The schema of a subject's messages: what a bus that reads them from a wire checks before it hands them over. */
export function busSchema(subject: BusSubject): TSchema {
  return schemas[subject] ?? LogCopy;
}

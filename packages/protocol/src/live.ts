import Type, { type Static } from 'typebox';
import { ChangeTopic } from './bus.ts';

/**
 * `GET /api/live` (WebSocket, session cookie or Bearer token): what open pages and `kiln watch` follow.
 * The client says what it wants to follow; the server answers with JSON text messages, and with the log as binary
 * messages, each one frame (`frame.ts`), history first, then live, without a line missing or coming twice.
 */
export const LiveRequest = Type.Union([
  /** Hints about everything: something changed about this run (debounced to 4 a second for each run). */
  Type.Object({ type: Type.Literal('follow.runs') }, { additionalProperties: false }),
  Type.Object({ type: Type.Literal('unfollow.runs') }, { additionalProperties: false }),
  Type.Object(
    {
      type: Type.Literal('follow.log'),
      jobId: Type.String(),
      attempt: Type.Integer({ minimum: 1 }),
      /** Begin with this line; negative: so many lines before the end. Default 1. */
      from: Type.Optional(Type.Integer()),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { type: Type.Literal('unfollow.log'), jobId: Type.String(), attempt: Type.Integer({ minimum: 1 }) },
    { additionalProperties: false },
  ),
]);
export type LiveRequest = Static<typeof LiveRequest>;

export const LiveMessage = Type.Union([
  Type.Object({ type: Type.Literal('hello'), version: Type.String(), farmId: Type.String() }),
  /** Look again. */
  Type.Object({ type: Type.Literal('changed'), topic: ChangeTopic, id: Type.String() }),
  /** History begins at `firstLine` of `total` lines known so far; binary frames follow. */
  Type.Object({
    type: Type.Literal('log.start'),
    jobId: Type.String(),
    attempt: Type.Integer(),
    firstLine: Type.Integer(),
    total: Type.Integer(),
  }),
  /** The attempt ended and every frame was sent. */
  Type.Object({ type: Type.Literal('log.end'), jobId: Type.String(), attempt: Type.Integer(), lines: Type.Integer() }),
  Type.Object({ type: Type.Literal('error'), code: Type.String(), message: Type.String() }),
]);
export type LiveMessage = Static<typeof LiveMessage>;

/** Close codes of the live socket: the reader was too slow; its session ended. */
export const LIVE_CLOSE = { slow: 4408, unauthorized: 4401 } as const;

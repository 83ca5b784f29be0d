import type { EventName, EventSource, PushPayload } from '@kiln/protocol/events.ts';

/** What a forge's webhook says, in Kiln's words. */
export interface Received {
  name: EventName;
  /** What it is about, in a form to search for: `github:42`. */
  routingKey: string;
  payload: PushPayload | Record<string, unknown>;
}

/** One kind of webhook: where it keeps its secret and ids, and what its payloads mean. */
export interface Forge {
  source: EventSource;
  /** Whether the request was made by somebody who knows the secret. */
  verify(body: Buffer, headers: Headers, secret: string): Promise<boolean>;
  /** The id of this delivery, null when the forge gave none. */
  delivery(headers: Headers): string | null;
  read(body: Json, headers: Headers): Received;
}

/** Lower-case names; a header that came twice is joined. */
export type Headers = Readonly<Record<string, string | undefined>>;
export type Json = { readonly [key: string]: unknown };

/** Longer texts are cut: nothing that Kiln asks for is longer. */
const LONGEST = 1000;

/** The object under a key, an empty one when there is none. */
export function object(json: Json, key: string): Json {
  const value = json[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The text (or number, as text) under a key, or null. What PostgreSQL can't keep is replaced. */
export function text(json: Json, key: string): string | null {
  const value = json[key];
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value !== 'string' || value === '') return null;
  return value.slice(0, LONGEST).replaceAll('\0', '\ufffd').toWellFormed();
}

/** The texts under these keys that are there, each once. */
export function texts(json: Json, keys: readonly string[]): string[] {
  return [...new Set(keys.map((key) => text(json, key)).filter((value) => value !== null))];
}

/** Forges write a commit that is not there as zeros. */
export function commitOf(hash: string | null): string | null {
  return hash === null || /^0+$/.test(hash) ? null : hash;
}

/** Who a forge says it was: the first of these texts. */
export function firstText(...candidates: readonly (string | null)[]): string | null {
  return candidates.find((candidate) => candidate !== null) ?? null;
}

/** Something that no recipe waits for: kept so that a trace can tell that it came. */
export function other(routingKey: string, event: string | null, repository: string | null, json: Json): Received {
  return { name: 'webhook.other', routingKey, payload: { event, action: text(json, 'action'), repository } };
}

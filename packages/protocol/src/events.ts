import Type, { type Static } from 'typebox';

/** Anything that may start work. Stored before it is answered; its payload is one of these by `name`. */

export const EVENT_SOURCES = ['github', 'gitea', 'gitlab', 'generic', 'poll', 'schedule', 'manual', 'run'] as const;
export type EventSource = (typeof EVENT_SOURCES)[number];

/** A forge said that something was pushed to a repository. */
export const PushPayload = Type.Object({
  /** `owner/name` in lower case. */
  repository: Type.String(),
  /** Clone addresses that the forge named. */
  urls: Type.Array(Type.String()),
  /** Full ref, such as `refs/tags/v1.0` or `refs/heads/main`; null when the forge did not say. */
  ref: Type.Union([Type.String(), Type.Null()]),
  commit: Type.Union([Type.String(), Type.Null()]),
  /** Whether the ref was removed. */
  deleted: Type.Boolean(),
  sender: Type.Union([Type.String(), Type.Null()]),
});
export type PushPayload = Static<typeof PushPayload>;

/** Something asked for one recipe at one version: a tag found, a schedule tick, a person, a finished run. */
export const BuildPayload = Type.Object({
  recipe: Type.String(),
  /** Null: the newest version that the upstream has. */
  version: Type.Union([Type.String(), Type.Null()]),
  /** Full ref to check out, or null. */
  ref: Type.Union([Type.String(), Type.Null()]),
  commit: Type.Union([Type.String(), Type.Null()]),
  /** Build although it is in the archive or waits for a retry. */
  force: Type.Boolean(),
  /** Who or what asked, for people to read: `poll`, `alice`, `after libfoo 1.2`. */
  by: Type.String(),
});
export type BuildPayload = Static<typeof BuildPayload>;

/** `webhook.push`, `webhook.other` and `webhook.ping` come from forges; `build` from everything else. */
export const EVENT_NAMES = ['webhook.push', 'webhook.ping', 'webhook.other', 'build'] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** What became of an event, for the trace and the API. */
export type EventOutcome =
  | { result: 'polled'; recipes: string[] }
  | { result: 'created'; runs: string[] /** Recipes whose upstreams are looked at as well. */; polled?: string[] }
  | { result: 'ignored'; reason: string };

/** Events: five attempts, full-jitter exponential backoff, leases of a minute, a scan every ten seconds. */
export const EVENT_POLICY = {
  attempts: 5,
  backoffBaseMs: 5_000,
  backoffCapMs: 300_000,
  leaseMs: 60_000,
  scanMs: 10_000,
} as const;

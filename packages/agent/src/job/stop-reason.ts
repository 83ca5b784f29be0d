/** Why an attempt shall end before its steps are done. */
export type StopReason =
  | { kind: 'cancel'; message: string }
  | { kind: 'timeout'; limitMs: number }
  /** Another attempt has taken its place. */
  | { kind: 'stale' }
  /** The agent stops. */
  | { kind: 'shutdown' }
  /** The agent can't do its part any more. */
  | { kind: 'fault'; message: string };

/** The reason that a signal was aborted with, or null when it was not. */
export function stopOf(signal: AbortSignal): StopReason | null {
  const { aborted, reason }: { aborted: boolean; reason: StopReason } = signal;
  return aborted ? reason : null;
}

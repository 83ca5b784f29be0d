/** What the supervisor tells a part once everything that it needs is up: more environment, such as where PostgreSQL is. */
export interface GoMessage {
  type: 'go';
  env: Record<string, string>;
}

/** What a part tells the supervisor: where it listens now, or why it can't start. */
export type PartMessage =
  | { type: 'ready'; addresses: Record<string, string | null> }
  | { type: 'failed'; message: string };

let part: string | undefined;

/**
 * A process that another Kiln process started ends when that one does, however it ended: losing the channel counts as
 * a SIGTERM. One that the supervisor started (KILN_PART is set) first waits to be told to go; loading its code in
 * that time is what makes a start quick. What it is told comes over the channel, so no secret is ever in an argument
 * or in the environment that the system shows.
 */
export async function attachToParent(): Promise<void> {
  if (!process.channel) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  part = process.env.KILN_PART;
  delete process.env.KILN_PART;
  if (part) {
    const go = new Promise<GoMessage>((resolve) =>
      process.once('message', (message) => isGo(message) && resolve(message)),
    );
    await (part === 'agent' ? import('@kiln/agent/agent.ts') : import('./server/server.ts'));
    Object.assign(process.env, (await go).env);
  }
  process.channel.unref();
}

/** Whether the supervisor started this process, so that it reports there. */
export function isPart(): boolean {
  return part !== undefined;
}

/** Whether the supervisor is gone. */
export function isOrphan(): boolean {
  return isPart() && !process.connected;
}

/** Tells the supervisor, where there is one; returns when it was sent. */
export async function tellParent(message: PartMessage): Promise<void> {
  if (!isPart() || !process.connected) return;
  await new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
}

function isGo(message: unknown): message is GoMessage {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'go';
}

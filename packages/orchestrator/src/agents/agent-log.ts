import { hostname } from 'node:os';
import type { Logger } from '@kiln/service/log.ts';

/**
 * Prints a line of an agent's service log among those of this process, as the agent wrote it: its time, instance and host.
 * `service` is `agent` whatever the line says, and `agentId` whose it is. `relay` comes from `relayOf`.
 */
export function relayLine(relay: Logger, agentId: string, line: Record<string, unknown>): void {
  const { level, msg, time, instance, host, service: _, agentId: __, ...fields } = line;
  const write = level === 'error' || level === 'warn' || level === 'debug' ? level : 'info';
  relay[write](
    {
      time: isTime(time) ? time : new Date().toISOString(),
      service: 'agent',
      instance: typeof instance === 'string' ? instance : agentId,
      host: typeof host === 'string' ? host : hostname(),
      agentId,
      ...fields,
    },
    typeof msg === 'string' ? msg : JSON.stringify(msg ?? ''),
  );
}

/** Whether a value is a time as service logs write it. */
function isTime(value: unknown): value is string {
  return typeof value === 'string' && value.length < 40 && !Number.isNaN(Date.parse(value));
}

import { hostname } from 'node:os';
import type { AgentMessage } from '@kiln/protocol/agent-messages.ts';
import type { LogFields, ServiceLog } from './service-log.ts';

/** Lines that wait for a connection; of more, the oldest go. */
const QUEUE_LIMIT = 1000;

type AgentLog = Extract<AgentMessage, { type: 'agent.log' }>;
type Line = AgentLog['line'];

/**
 * The agent's service log, which also goes to the orchestrator from info up, so that the logs of a whole farm are found
 * in one place. Lines that can't be sent now wait.
 */
export class ForwardedLog implements ServiceLog {
  readonly #log: ServiceLog;
  readonly #instance: string;
  readonly #send: (message: AgentLog) => boolean;
  #queue: Line[] = [];
  #dropped = 0;

  constructor(log: ServiceLog, instance: string, send: (message: AgentLog) => boolean) {
    this.#log = log;
    this.#instance = instance;
    this.#send = send;
  }

  debug(fields: LogFields, message: string): void {
    this.#log.debug(fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#log.info(fields, message);
    this.#forward('info', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#log.warn(fields, message);
    this.#forward('warn', fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#log.error(fields, message);
    this.#forward('error', fields, message);
  }

  /** Sends what waits; called when there is a connection again. */
  flush(): void {
    if (this.#dropped > 0) {
      const fields = { dropped: this.#dropped };
      this.#dropped = 0;
      this.#queue.unshift(this.#line('warn', fields, 'lines of the agent log were dropped while it was not connected'));
    }
    let sent = 0;
    for (const line of this.#queue) {
      if (!this.#send({ type: 'agent.log', line })) break;
      sent++;
    }
    this.#queue.splice(0, sent);
  }

  #forward(level: string, fields: LogFields, message: string): void {
    const line = this.#line(level, fields, message);
    if (this.#queue.length === 0 && this.#send({ type: 'agent.log', line })) return;
    this.#queue.push(line);
    if (this.#queue.length <= QUEUE_LIMIT) return;
    this.#queue.shift();
    this.#dropped++;
  }

  #line(level: string, fields: LogFields, message: string): Line {
    const time = new Date().toISOString();
    return { time, level, msg: message, service: 'agent', instance: this.#instance, host: hostname(), ...fields };
  }
}

import type { ChangeTopic } from '@kiln/protocol/bus.ts';
import type { LiveMessage, LiveRequest } from '@kiln/protocol/live.ts';
import type { WebSocket } from 'ws';
import type { FarmListener, FixtureFarm } from './farm.ts';
import type { FixtureLog } from './log.ts';

/** One page at the fixture's live socket. */
export class LiveSession implements FarmListener {
  readonly #farm: FixtureFarm;
  readonly #socket: WebSocket;
  readonly #logs = new Set<FixtureLog>();
  #hints = false;

  constructor(farm: FixtureFarm, socket: WebSocket) {
    this.#farm = farm;
    this.#socket = socket;
    farm.listeners.add(this);
    socket.on('close', () => farm.listeners.delete(this));
    socket.on('message', (data) => this.#heard(JSON.parse(String(data)) as LiveRequest));
    this.#send({ type: 'hello', version: '0.1.0', farmId: 'fixture' });
  }

  changed(topic: ChangeTopic, id: string): void {
    if (this.#hints) this.#send({ type: 'changed', topic, id });
  }

  lines(log: FixtureLog, first: number): void {
    if (this.#logs.has(log)) this.#socket.send(log.frame(log.lines(first, log.total - first + 1)));
  }

  ended(log: FixtureLog): void {
    if (!this.#logs.delete(log)) return;
    this.#send({ type: 'log.end', jobId: log.jobId, attempt: log.attempt, lines: log.total });
  }

  #heard(message: LiveRequest): void {
    if (message.type === 'follow.runs') this.#hints = true;
    if (message.type === 'unfollow.runs') this.#hints = false;
    if (message.type !== 'follow.log' && message.type !== 'unfollow.log') return;
    const log = this.#farm.data.logs.get(`${message.jobId} ${message.attempt}`);
    if (!log) this.#send({ type: 'error', code: 'not_found', message: 'there is no such attempt' });
    else if (message.type === 'unfollow.log') this.#logs.delete(log);
    else this.#follow(log, message.from ?? 1);
  }

  #follow(log: FixtureLog, from: number): void {
    const { jobId, attempt } = log;
    const firstLine = from < 0 ? Math.max(1, log.total + 1 + from) : from;
    this.#send({ type: 'log.start', jobId, attempt, firstLine, total: log.total });
    for (const frame of log.frames(firstLine)) this.#socket.send(frame);
    this.#logs.add(log);
    if (log.ended) this.ended(log);
  }

  #send(message: LiveMessage): void {
    this.#socket.send(JSON.stringify(message));
  }
}

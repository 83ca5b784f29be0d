import type { WebSocket } from '@fastify/websocket';
import { LIVE_CLOSE } from '@kiln/protocol/live.ts';
import type { Principal } from '@kiln/protocol/permissions.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { aliveCredentials } from '@kiln/store/credentials.ts';
import { Changes } from './changes.ts';
import { LiveConnection } from './connection.ts';
import { LogFeeds } from './log-feeds.ts';

const HEARTBEAT_MS = 1000;
const POLL_MS = 1000;
const SESSIONS_MS = 10_000;

/** A live socket, whatever is said over it. */
export interface Live {
  principal: Principal;
  queue: { heartbeat(): void; close(code: number, reason: string): void };
}

/** Every live socket of this node. */
export class LiveServer {
  readonly #context: FarmContext;
  readonly #connections = new Set<Live>();
  /** The logs that are followed here. */
  readonly feeds: LogFeeds;
  /** The hints about changes that are followed here. */
  readonly changes: Changes;

  constructor(context: FarmContext) {
    const { logs, bus, lifecycle, metrics } = context;
    this.#context = context;
    this.feeds = new LogFeeds(logs, bus);
    this.changes = new Changes(bus);
    lifecycle.onStop('live hints', () => this.changes.stop());
    lifecycle.loop('live sockets', { everyMs: HEARTBEAT_MS }, async () => {
      for (const connection of this.#connections) connection.queue.heartbeat();
    });
    const onWake = (wake: () => void) => {
      this.feeds.wake = wake;
      return () => {};
    };
    lifecycle.loop('live logs', { everyMs: POLL_MS, wake: onWake }, async () => await this.feeds.poll());
    lifecycle.loop('live sessions', { everyMs: SESSIONS_MS }, async () => await this.#checkSessions());
    metrics.gauge('live_sockets', 'Open live sockets', [], (gauge) => gauge.set(this.#connections.size));
  }

  /** Takes over a socket whose credential was checked. */
  accept(socket: WebSocket, principal: Principal): void {
    const { logs, log, config } = this.#context;
    const context = { logs, log, feeds: this.feeds, changes: this.changes };
    const connection = new LiveConnection(context, socket, principal, { version: VERSION, farmId: config.farmId });
    this.add(socket, connection);
  }

  /** Counts a connection among those that are kept alive, and closed with their session or the server. */
  add(socket: WebSocket, connection: Live): void {
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  /** A session ended: whoever is here by it goes. */
  ended(credentialId: string): void {
    for (const { principal, queue } of this.#connections) {
      if (principal.credentialId === credentialId) queue.close(LIVE_CLOSE.unauthorized, 'the session ended');
    }
  }

  /** The server stops: readers connect again, to it or to another. */
  closeAll(): void {
    for (const { queue } of this.#connections) queue.close(1001, 'Kiln is stopping');
  }

  async #checkSessions(): Promise<void> {
    const shown = new Set([...this.#connections].map(({ principal }) => principal.credentialId));
    if (shown.size === 0) return;
    const alive = await aliveCredentials(this.#context.db, [...shown]);
    for (const credentialId of shown) if (!alive.has(credentialId)) this.ended(credentialId);
  }
}

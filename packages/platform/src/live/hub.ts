import type { Writable } from 'node:stream';
import type { WebSocket } from '@fastify/websocket';
import { LIVE_CLOSE } from '@kiln/protocol/live.ts';
import type { Principal } from '@kiln/protocol/permissions.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { aliveCredentials } from '@kiln/store/credentials.ts';
import { BuildStreamConnection } from '../vm-build/stream-connection.ts';
import { TaskFeeds } from '../vm-build/task-feeds.ts';
import { Changes } from './changes.ts';
import { LiveConnection } from './connection.ts';
import { LogFeeds } from './log-feeds.ts';

const TEND_MS = 1000;
const LOOK_MS = 1000;
const SESSIONS_MS = 10_000;

/** A live socket, whatever is said over it. */
interface Live {
  principal: Principal;
  outlet: { tend(): void; close(code: number, reason: string): void };
}

/** Every live socket of this node. */
export class LiveHub {
  readonly #context: FarmContext;
  readonly #connections = new Set<Live>();
  readonly #feeds: LogFeeds;
  readonly #tasks: TaskFeeds;
  readonly #changes: Changes;

  constructor(context: FarmContext) {
    const { logs, bus, lifecycle, metrics } = context;
    this.#context = context;
    this.#feeds = new LogFeeds(logs, bus);
    this.#changes = new Changes(bus);
    this.#tasks = new TaskFeeds(context.db, this.#changes);
    lifecycle.onStop('live hints', () => this.#changes.stop());
    lifecycle.loop('live sockets', { everyMs: TEND_MS }, async () => {
      for (const connection of this.#connections) connection.outlet.tend();
    });
    const wake = (ring: () => void) => {
      this.#feeds.bell = ring;
      return () => {};
    };
    lifecycle.loop('live logs', { everyMs: LOOK_MS, wake }, async () => await this.#feeds.look());
    const wakeTasks = (ring: () => void) => {
      this.#tasks.bell = ring;
      return () => {};
    };
    lifecycle.loop('live tasks', { everyMs: LOOK_MS, wake: wakeTasks }, async () => await this.#tasks.look());
    lifecycle.loop('live sessions', { everyMs: SESSIONS_MS }, async () => await this.#checkSessions());
    metrics.gauge('live_sockets', 'Open live sockets', [], (gauge) => gauge.set(this.#connections.size));
  }

  /** Takes over a socket whose credential was checked. */
  accept(socket: WebSocket, principal: Principal): void {
    const { logs, log, config } = this.#context;
    const context = { logs, log, feeds: this.#feeds, changes: this.#changes };
    const connection = new LiveConnection(context, socket, principal, { version: VERSION, farmId: config.farmId });
    this.#add(socket, connection);
  }

  /**
   * Takes over a socket of the stream of builds whose credential was checked. `farm` is the farm's address as it knows it,
   * `wire` what the socket writes to.
   */
  acceptBuilds(socket: WebSocket, principal: Principal, { farm, wire }: { farm: string; wire: Writable }): void {
    const { db, logs, log, config } = this.#context;
    const context = { db, logs, log, feeds: this.#feeds, tasks: this.#tasks };
    this.#add(socket, new BuildStreamConnection(context, socket, principal, { farm, farmId: config.farmId, wire }));
  }

  /** A session ended: whoever is here by it goes. */
  ended(credentialId: string): void {
    for (const { principal, outlet } of this.#connections) {
      if (principal.credentialId === credentialId) outlet.close(LIVE_CLOSE.unauthorized, 'the session ended');
    }
  }

  /** The server stops: readers connect again, to it or to another. */
  closeAll(): void {
    for (const { outlet } of this.#connections) outlet.close(1001, 'Kiln is stopping');
  }

  #add(socket: WebSocket, connection: Live): void {
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  async #checkSessions(): Promise<void> {
    const shown = new Set([...this.#connections].map(({ principal }) => principal.credentialId));
    if (shown.size === 0) return;
    const alive = await aliveCredentials(this.#context.db, [...shown]);
    for (const credentialId of shown) if (!alive.has(credentialId)) this.ended(credentialId);
  }
}

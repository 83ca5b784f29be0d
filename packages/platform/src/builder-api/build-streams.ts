import type { Writable } from 'node:stream';
import type { WebSocket } from '@fastify/websocket';
import type { Principal } from '@kiln/protocol/permissions.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { LiveServer } from '../live/live-server.ts';
import { BuildStreamConnection } from './stream-connection.ts';
import { TaskFeeds } from './task-feeds.ts';

const POLL_MS = 1000;

/** Every socket of the stream of builds of this node. They live and end with the other live sockets. */
export class BuildStreams {
  readonly #context: FarmContext;
  readonly #live: LiveServer;
  readonly #tasks: TaskFeeds;

  constructor(context: FarmContext, live: LiveServer) {
    this.#context = context;
    this.#live = live;
    this.#tasks = new TaskFeeds(context.db, live.changes);
    const onWake = (wake: () => void) => {
      this.#tasks.wake = wake;
      return () => {};
    };
    context.lifecycle.loop('live tasks', { everyMs: POLL_MS, wake: onWake }, async () => await this.#tasks.poll());
  }

  /** Takes over a socket whose credential was checked. `farm` is the farm's address as it knows it, `wire` what the socket writes to. */
  accept(socket: WebSocket, principal: Principal, { farm, wire }: { farm: string; wire: Writable }): void {
    const { db, logs, log, config } = this.#context;
    const context = { db, logs, log, feeds: this.#live.feeds, tasks: this.#tasks };
    const connection = new BuildStreamConnection(context, socket, principal, { farm, farmId: config.farmId, wire });
    this.#live.add(socket, connection);
  }
}

import type { WebSocket } from '@fastify/websocket';
import type { StreamErrorCode } from '@kiln/protocol/errors.ts';
import { LiveRequest } from '@kiln/protocol/live.ts';
import type { Principal } from '@kiln/protocol/permissions.ts';
import { MAX_INTEGER } from '@kiln/protocol/routes/params.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { LogStore } from '@kiln/store/logs/log-store.ts';
import { Compile } from 'typebox/compile';
import { isUuid } from '../http/params.ts';
import type { Changes } from './changes.ts';
import { handleInOrder } from './handle-in-order.ts';
import type { LogFeeds } from './log-feeds.ts';
import { LogFollower } from './log-follower.ts';
import { SendQueue } from './send-queue.ts';

const request = Compile(LiveRequest);

/** Logs that one socket may follow at once. */
const MOST_LOGS = 64;
/** A client that sends this many messages that make no sense is let go. */
const MOST_ERRORS = 20;

/** What a connection needs of its node. */
export interface LiveContext {
  logs: LogStore;
  log: Logger;
  feeds: LogFeeds;
  changes: Changes;
}

/** One page, or one `kiln watch`, at the live socket. */
export class LiveConnection {
  readonly principal: Principal;
  readonly queue: SendQueue;
  readonly #context: LiveContext;
  readonly #logs = new Map<string, LogFollower>();
  #unfollowRuns: (() => void) | null = null;
  #errors = 0;

  constructor(
    context: LiveContext,
    socket: WebSocket,
    principal: Principal,
    hello: { version: string; farmId: string },
  ) {
    this.#context = context;
    this.principal = principal;
    this.queue = new SendQueue(socket);
    handleInOrder(socket, this.queue, (data, isBinary) => this.#handleMessage(data, isBinary));
    socket.on('close', () => this.#closed());
    this.queue.message({ type: 'hello', ...hello });
  }

  #handleMessage(data: Buffer, isBinary: boolean): Promise<void> | undefined {
    let asked: unknown = null;
    try {
      asked = isBinary ? null : JSON.parse(data.toString('utf8'));
    } catch {
      asked = null;
    }
    if (!request.Check(asked)) {
      this.#refuse(
        'bad_message',
        'a message is one of follow.runs, unfollow.runs, follow.log, unfollow.log, as JSON text',
      );
      return undefined;
    }
    if (asked.type === 'follow.runs') {
      this.#unfollowRuns ??= this.#context.changes.follow((key, message) => this.queue.hint(key, message));
    } else if (asked.type === 'unfollow.runs') {
      this.#unfollowRuns?.();
      this.#unfollowRuns = null;
    } else if (!isUuid(asked.jobId) || asked.attempt > MAX_INTEGER) {
      this.#refuse('not_found', `there is no attempt ${asked.attempt} of a job ${asked.jobId.slice(0, 60)}`);
    } else if (asked.type === 'follow.log') {
      return this.#followLog({ jobId: asked.jobId.toLowerCase(), attempt: asked.attempt }, asked.from ?? 1);
    } else {
      this.#stopLog(`${asked.jobId.toLowerCase()}.${asked.attempt}`);
    }
    return undefined;
  }

  async #followLog(log: { jobId: string; attempt: number }, from: number): Promise<void> {
    const key = `${log.jobId}.${log.attempt}`;
    this.#stopLog(key);
    if (this.#logs.size >= MOST_LOGS) {
      this.#refuse('too_many_logs', `one connection follows at most ${MOST_LOGS} logs; unfollow one first`);
      return;
    }
    const follower = new LogFollower(this.#context, this.queue, log, () => {
      if (this.#logs.get(key) === follower) this.#logs.delete(key);
    });
    this.#logs.set(key, follower);
    if (await follower.start(from)) return;
    this.#refuse('not_found', `there is no attempt ${log.attempt} of a job ${log.jobId}`);
    follower.stop();
  }

  #stopLog(key: string): void {
    this.#logs.get(key)?.stop();
    this.#logs.delete(key);
  }

  #refuse(code: StreamErrorCode, message: string): void {
    this.#errors += 1;
    if (this.#errors > MOST_ERRORS) this.queue.close(1008, 'too many bad messages');
    else this.queue.message({ type: 'error', code, message });
  }

  #closed(): void {
    this.#unfollowRuns?.();
    for (const key of [...this.#logs.keys()]) this.#stopLog(key);
  }
}

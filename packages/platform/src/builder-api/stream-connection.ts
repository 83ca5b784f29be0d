import type { Writable } from 'node:stream';
import type { WebSocket } from '@fastify/websocket';
import type { StreamErrorCode } from '@kiln/protocol/errors.ts';
import { may, type Principal } from '@kiln/protocol/permissions.ts';
import { BUILD_STREAM_VERSION, BuildStreamRequest } from '@kiln/protocol/vm-build.ts';
import { forbidden } from '@kiln/service/access/refusals.ts';
import { VERSION } from '@kiln/service/version.ts';
import { Compile } from 'typebox/compile';
import { isUuid } from '../http/params.ts';
import { handleInOrder } from '../live/handle-in-order.ts';
import { SendQueue } from '../live/send-queue.ts';
import { BuildSendQueue } from './build-send-queue.ts';
import { type Beginning, type BuildStreamContext, TaskFollower } from './task-follower.ts';

const request = Compile(BuildStreamRequest);

/** Tasks that one socket may follow at once. */
const MOST_TASKS = 256;
/** A client that sends this many messages that make no sense is let go. */
const MOST_ERRORS = 20;

type Subscribe = Extract<BuildStreamRequest, { type: 'subscribe' }>;

/** One reader of the stream of builds. */
export class BuildStreamConnection {
  readonly principal: Principal;
  readonly queue: BuildSendQueue;
  readonly #context: BuildStreamContext;
  readonly #farm: string;
  readonly #tasks = new Map<string, TaskFollower>();
  /** Those of them that are followed because all are. */
  readonly #ofAll = new Set<string>();
  #unfollowAll: (() => void) | null = null;
  #errors = 0;

  /** `farm` is the farm's address as the reader knows it, `wire` what the socket writes to. */
  constructor(
    context: BuildStreamContext,
    socket: WebSocket,
    principal: Principal,
    { farm, farmId, wire }: { farm: string; farmId: string; wire: Writable },
  ) {
    this.#context = context;
    this.principal = principal;
    this.#farm = farm;
    const queue = new SendQueue(socket, Date.now(), wire);
    this.queue = new BuildSendQueue(queue, context.log);
    handleInOrder(socket, queue, (data, isBinary) => {
      this.#handleMessage(data, isBinary);
      return undefined;
    });
    socket.on('close', () => this.#closed());
    this.queue.message({ type: 'hello', protocol: BUILD_STREAM_VERSION, version: VERSION, farm_id: farmId });
  }

  #handleMessage(data: Buffer, isBinary: boolean): void {
    const said = isBinary ? null : parse(data);
    if (!request.Check(said)) {
      this.#refuse('bad_message', 'a message is one of subscribe, unsubscribe, ping, as JSON text; see docs/api.md');
    } else if (said.type === 'ping') {
      this.queue.message({ type: 'pong' });
    } else if (said.type === 'unsubscribe') {
      this.#unsubscribe(said.task_id);
    } else if (said.task_id === 'all') {
      this.#subscribeAll(said);
    } else if (!isUuid(said.task_id)) {
      this.#refuse('not_found', `there is no task ${said.task_id.slice(0, 60)}`, said.task_id);
    } else if (typeof said.since === 'object') {
      this.#refuse('bad_message', '`since` of one task is a number', said.task_id);
    } else {
      const taskId = said.task_id.toLowerCase();
      this.#tasks.get(taskId)?.stop();
      this.#follow(taskId, { attempt: said.attempt ?? null, since: said.since ?? 0, isNew: false });
    }
  }

  #follow(taskId: string, beginning: Beginning): boolean {
    if (this.#tasks.size >= MOST_TASKS) {
      this.#refuse(
        'too_many_tasks',
        `one connection follows at most ${MOST_TASKS} tasks; unsubscribe from one first`,
        taskId,
      );
      return false;
    }
    const follower: TaskFollower = new TaskFollower(
      this.#context,
      this.queue,
      { taskId, farm: this.#farm, beginning },
      () => {
        if (this.#tasks.get(taskId) !== follower) return;
        this.#tasks.delete(taskId);
        this.#ofAll.delete(taskId);
      },
    );
    this.#tasks.set(taskId, follower);
    return true;
  }

  #subscribeAll({ since = 0, attempt }: Subscribe): void {
    if (!may(this.principal, 'tasks.follow-all')) {
      this.#refuse('forbidden', forbidden('tasks.follow-all').message, 'all');
      return;
    }
    if (attempt !== undefined) {
      this.#refuse('bad_message', '`attempt` goes with one task', 'all');
      return;
    }
    this.#stopAll();
    let isFirst = true;
    /** Attempts that were followed, or were over when the reader came. */
    let seen = new Set<string>();
    this.#unfollowAll = this.#context.tasks.followAll((tasks) => {
      if (isFirst) {
        const running = tasks.filter(({ isRunning }) => isRunning).length;
        this.queue.message({ type: 'subscribed', task_id: 'all', status: null, attempt: null, tasks: running });
      }
      const now = new Set<string>();
      for (const { taskId, attempt, isRunning } of tasks) {
        const key = `${taskId}.${attempt}`;
        now.add(key);
        if (seen.has(key) || this.#tasks.has(taskId) || (isFirst && !isRunning)) continue;
        const from = typeof since === 'number' ? since : (since[taskId] ?? 0);
        if (!this.#follow(taskId, { attempt, since: isFirst ? from : 0, isNew: !isFirst })) now.delete(key);
        else this.#ofAll.add(taskId);
      }
      seen = now;
      isFirst = false;
    });
  }

  #unsubscribe(taskId: string): void {
    if (taskId === 'all') this.#stopAll();
    else this.#tasks.get(taskId.toLowerCase())?.stop();
    this.queue.message({ type: 'unsubscribed', task_id: taskId });
  }

  #stopAll(): void {
    this.#unfollowAll?.();
    this.#unfollowAll = null;
    for (const taskId of [...this.#ofAll]) this.#tasks.get(taskId)?.stop();
  }

  #refuse(code: StreamErrorCode, message: string, taskId?: string): void {
    this.#errors += 1;
    if (this.#errors > MOST_ERRORS) this.queue.close(1008, 'too many bad messages');
    else this.queue.message({ type: 'error', code, message, ...(taskId === undefined ? {} : { task_id: taskId }) });
  }

  #closed(): void {
    this.#stopAll();
    for (const follower of [...this.#tasks.values()]) follower.stop();
    this.queue.heartbeat();
  }
}

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    return null;
  }
}

import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { StreamErrorCode } from '@kiln/protocol/errors.ts';
import type { LiveMessage } from '@kiln/protocol/live.ts';
import { isFinishedJob, type JobStatus } from '@kiln/protocol/states.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { Database } from '@kiln/store/database.ts';
import type { LogStore } from '@kiln/store/logs/log-store.ts';
import { readAttemptPhases, type TaskStanding } from '@kiln/store/reads/tasks.ts';
import type { LogFeeds } from '../live/log-feeds.ts';
import { type FrameQueue, LogFollower } from '../live/log-follower.ts';
import { type BuildSession, buildLogsOf, weightOf } from './build-logs.ts';
import type { BuildSendQueue } from './build-send-queue.ts';
import { buildInfoOf, messageOf, metadataOf, progressOf, sessionOf, wayBetween } from './format.ts';
import type { TaskFeeds } from './task-feeds.ts';

/** What a follower needs of its node. */
export interface BuildStreamContext {
  db: Database;
  logs: LogStore;
  log: Logger;
  feeds: LogFeeds;
  tasks: TaskFeeds;
}

/** Where a reader wants to begin. */
export interface Beginning {
  /** Null: with the latest one. */
  attempt: number | null;
  /** The last line that it has of that attempt; negative: so many lines before the end. */
  since: number;
  /** The task began while the reader was there, which has not been told of it. */
  isNew: boolean;
}

/**
 * Tells one reader of one task until it has ended: its changes of status, its progress and the log of each attempt, every line
 * once and in order.
 */
export class TaskFollower implements FrameQueue {
  readonly taskId: string;
  readonly #context: BuildStreamContext;
  readonly #out: BuildSendQueue;
  readonly #farm: string;
  readonly #beginning: Beginning;
  readonly #ended: () => void;
  readonly #unfollow: () => void;
  #task: TaskStanding | null = null;
  #progress = '';
  #progressWaits = false;
  /** The attempt whose log is sent, or was sent last. */
  #attempt = 0;
  #log: LogFollower | null = null;
  #lines = 0;
  #session: BuildSession | null = null;
  /** What was there when the log was begun; once it is sent the reader is told. Null after that. */
  #history: number | null = null;
  /** Nothing more is to be told, but what was said may still wait to be sent. */
  #isLast = false;
  #stopped = false;

  constructor(
    context: BuildStreamContext,
    out: BuildSendQueue,
    task: { taskId: string; farm: string; beginning: Beginning },
    ended: () => void,
  ) {
    this.#context = context;
    this.#out = out;
    this.taskId = task.taskId;
    this.#farm = task.farm;
    this.#beginning = task.beginning;
    this.#ended = ended;
    this.#unfollow = context.tasks.follow(this.taskId, (standing) => this.#standing(standing));
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#isLast = true;
    this.#unfollow();
    this.#log?.stop();
    this.#ended();
  }

  get open(): boolean {
    return this.#out.open && !this.#stopped;
  }

  get behind(): boolean {
    return this.#out.behind;
  }

  async drained(): Promise<void> {
    await this.#out.drained();
  }

  /** A part of the log, from the follower of the attempt. */
  frame(data: Uint8Array): void {
    const session = this.#session;
    if (session) this.#out.later(async () => await this.#sendFrame(data, session), weightOf(data));
  }

  /** What the follower of the attempt says about the log as a whole. */
  message(message: LiveMessage): void {
    const of = { task_id: this.taskId, session_id: sessionOf(this.taskId, this.#attempt), attempt: this.#attempt };
    if (message.type === 'log.start') {
      const { firstLine, total } = message;
      this.#history = total;
      this.#out.message({ type: 'history_start', ...of, first_line: firstLine, lines: total });
      if (firstLine > total) this.#out.later(() => this.#tellHistory(total));
    } else if (message.type === 'log.end') {
      this.#lines = message.lines;
      // After the follower has let go of the log.
      queueMicrotask(() => this.#advance());
    } else if (message.type === 'error') {
      this.#out.message({ ...message, task_id: this.taskId });
    }
  }

  #standing(task: TaskStanding | null): void {
    if (this.#isLast) return;
    const before = this.#task;
    const { attempt } = this.#beginning;
    if (!task) {
      this.#fail(before ? 'gone' : 'not_found', `there is no task ${this.taskId}`);
      return;
    }
    if (!before && attempt !== null && attempt > task.attempt) {
      this.#fail('not_found', `there is no attempt ${attempt} of task ${this.taskId}`);
      return;
    }
    this.#task = task;
    if (!before) this.#greet(task);
    else if (before.status !== task.status || before.attempt !== task.attempt)
      this.#tellStatus(before.status, task, before.attempt);
    this.#tellProgress(task);
    this.#advance();
  }

  #greet(task: TaskStanding): void {
    const { taskId, status, attempt } = task;
    const tasks = isFinishedJob(status) ? 0 : 1;
    this.#out.message({ type: 'subscribed', task_id: taskId, status, attempt: attempt || null, tasks });
    if (this.#beginning.isNew) this.#tellStatus('queued', task);
  }

  #tellStatus(before: JobStatus, task: TaskStanding, attempt = 0): void {
    // Another attempt begins in the queue, whatever the look before saw.
    const isRetry = attempt > 0 && attempt < task.attempt && before !== 'queued';
    const way = isRetry
      ? [...wayBetween(before, 'queued'), ...wayBetween('queued', task.status)]
      : wayBetween(before, task.status);
    let old = before;
    for (const status of way) {
      this.#out.message({
        type: 'status_change',
        task_id: task.taskId,
        old_status: old,
        new_status: status,
        message: messageOf(task, status),
        metadata: metadataOf({ ...task, status }, this.#farm),
      });
      old = status;
    }
  }

  /** When it changed; a reader that is behind gets only the newest. */
  #tellProgress(task: TaskStanding): void {
    const { estimated_remaining: _, ...shown } = progressOf(task, 0);
    const progress = JSON.stringify(shown);
    if (progress === this.#progress) return;
    this.#progress = progress;
    if (this.#progressWaits) return;
    this.#progressWaits = true;
    this.#out.later(() => {
      this.#progressWaits = false;
      const now = this.#task;
      if (now && !this.#stopped)
        this.#out.now({ type: 'progress', task_id: this.taskId, progress: progressOf(now, Date.now()) });
    });
  }

  /** Begins with the log of the next attempt, or ends when there is none and the task has ended. */
  #advance(): void {
    const task = this.#task;
    if (this.#isLast || this.#log || !task) return;
    const next = this.#attempt === 0 ? (this.#beginning.attempt ?? task.attempt) : this.#attempt + 1;
    if (next >= 1 && next <= task.attempt) {
      void this.#follow(next, this.#attempt === 0 ? this.#beginning.since : 0, task);
    } else if (isFinishedJob(task.status)) {
      this.#out.message({
        type: 'end',
        task_id: task.taskId,
        status: task.status,
        message: messageOf(task, task.status),
        attempt: task.attempt || null,
        lines: this.#lines,
        metadata: metadataOf(task, this.#farm),
      });
      this.#stopAfterLast();
    }
  }

  async #follow(attempt: number, since: number, task: TaskStanding): Promise<void> {
    const { taskId } = this;
    this.#attempt = attempt;
    this.#lines = 0;
    this.#session = this.#sessionOf(attempt, task);
    const follower = new LogFollower(this.#context, this, { jobId: taskId, attempt }, () => {
      if (this.#log === follower) this.#log = null;
    });
    this.#log = follower;
    if (await follower.start(since < 0 ? since : since + 1)) return;
    this.#fail('gone', `attempt ${attempt} of task ${taskId} was removed`);
    follower.stop();
  }

  #sessionOf(attempt: number, task: TaskStanding): BuildSession {
    const { taskId } = this;
    let phases: readonly PhaseReport[] = attempt === task.attempt ? task.phases : [];
    return {
      taskId,
      attempt,
      info: buildInfoOf(task),
      phases: async (count) => {
        if (phases.length < count) phases = await readAttemptPhases(this.#context.db, taskId, attempt);
        return phases;
      },
    };
  }

  async #sendFrame(data: Uint8Array, session: BuildSession): Promise<void> {
    const logs = await buildLogsOf(data, session).catch((error: unknown) => {
      this.#context.log.warn({ err: error, taskId: session.taskId }, 'a part of a log could not be read');
      return null;
    });
    if (!logs) {
      const message = 'a part of the log could not be read; the lines that are missing are in it';
      this.#out.now({ type: 'error', code: 'unreadable', message, task_id: this.taskId });
      return;
    }
    for (const { firstLine, messages } of logs.chunks()) {
      if (!this.open) return;
      await this.#out.texts(messages);
      const last = firstLine + messages.length - 1;
      if (this.#history !== null && last >= this.#history) this.#tellHistory(last);
    }
  }

  #tellHistory(line: number): void {
    if (this.#history === null || !this.#session || this.#stopped) return;
    this.#history = null;
    const { taskId, attempt } = this.#session;
    const of = { task_id: taskId, session_id: sessionOf(taskId, attempt), attempt };
    this.#out.now({ type: 'history_end', ...of, line });
  }

  #fail(code: StreamErrorCode, message: string): void {
    this.#out.message({ type: 'error', code, message, task_id: this.taskId });
    this.#stopAfterLast();
  }

  #stopAfterLast(): void {
    this.#isLast = true;
    this.#unfollow();
    this.#out.later(() => this.stop());
  }
}

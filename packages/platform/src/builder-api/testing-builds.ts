import { randomUUID } from 'node:crypto';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { BuildStreamMessage, BuildStreamRequest } from '@kiln/protocol/vm-build.ts';
import { issueBuilderToken } from '@kiln/store/builders/builder-tokens.ts';
import { LOG_END } from '@kiln/store/bus/log-copy.ts';
import { claim, finish, seedRun, testJob, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import type { ClaimedJob } from '@kiln/store/runs/claim.ts';
import { vi } from 'vitest';
import { WebSocket } from 'ws';
import type { TestPlatform } from '../testing.ts';

type MessageOf<T extends BuildStreamMessage['type']> = Extract<BuildStreamMessage, { type: T }>;

/** A reader of the stream of builds that keeps what it was told. */
export class BuildReader {
  readonly socket: WebSocket;
  readonly messages: BuildStreamMessage[] = [];
  /** The code and the reason that the server closed with. */
  closed: { code: number; reason: string } | null = null;

  constructor(p: Pick<TestPlatform, 'url' | 'adminToken'>, headers?: Record<string, string>) {
    this.socket = new WebSocket(`${p.url.replace('http', 'ws')}/api/vm-build/logs/stream`, {
      headers: headers ?? { authorization: `Bearer ${p.adminToken}` },
    });
    this.socket.on('message', (data: Buffer) => void this.messages.push(JSON.parse(data.toString())));
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.socket.on('error', () => {});
  }

  async opened(): Promise<this> {
    await this.got('hello');
    return this;
  }

  say(message: BuildStreamRequest | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  of<T extends BuildStreamMessage['type']>(type: T): MessageOf<T>[] {
    return this.messages.filter((message): message is MessageOf<T> => message.type === type);
  }

  /** The n-th message of a type, from 0; waits for it. */
  async got<T extends BuildStreamMessage['type']>(type: T, n = 0, timeout = 5000): Promise<MessageOf<T>> {
    return await vi.waitUntil(() => this.of(type)[n], { timeout, interval: 5 });
  }

  /** Numbers of the log lines, in the order in which they came. */
  get lines(): number[] {
    return this.of('build_log').map(({ line }) => line);
  }
}

/** A task that a builder holds. */
export interface HeldTask {
  job: ClaimedJob;
  taskId: string;
  builder: string;
  token: string;
  post(entries: readonly object[], more?: object): Promise<Response>;
  /** Ends it as the orchestrator does, and says so. */
  finish(failure?: string): Promise<void>;
}

/** A task in progress that a builder with a token holds. */
export async function heldTask(p: TestPlatform, options: { labels?: string[] } = {}): Promise<HeldTask> {
  const builder = `builder-${randomUUID().slice(0, 8)}`;
  const { token } = await issueBuilderToken(p.db, builder);
  const { labels = [] } = options;
  const { runId } = await seedRun(p.db, testRecipe(builder, { jobs: [testJob('pvm', { labels })] }), '1.2');
  const [job] = await claim(p.db, randomUUID(), builder, labels);
  if (!job) throw new Error('no job was claimed');
  p.bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
  return {
    job,
    taskId: job.jobId,
    builder,
    token,
    post: async (entries, more = {}) =>
      await fetch(`${p.url}/api/vm-build/task-logs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ task_id: job.jobId, entries, ...more }),
      }),
    async finish(failure) {
      const why = failure === undefined ? null : { class: 'Command Failed' as const, message: failure };
      const nowhere = { phase: null, step: null, line: null, lineText: null, exitCode: 1, signal: null };
      await finish(p.db, job, why && { ...why, ...nowhere });
      p.bus.publish(SUBJECTS.log(job.jobId, job.attempt), LOG_END);
      p.bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
    },
  };
}

/** An entry as the documentation shows it. */
export function entry(message: string, more: object = {}): object {
  return { timestamp: '2024-01-15T10:31:00Z', level: 'INFO', component: 'ANSIBLE', message, ...more };
}

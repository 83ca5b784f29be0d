import type { ChangeTopic } from '@kiln/protocol/bus.ts';
import type { LiveMessage, LiveRequest } from '@kiln/protocol/live.ts';
import { type ReadFrame, readFrame } from '../log/frame.ts';
import { reconnectDelay } from './backoff.ts';

/** How the live socket is. `nextTryAt` is in milliseconds since the epoch by this machine's clock. */
export type LiveState =
  | { status: 'connecting' }
  | { status: 'open' }
  | { status: 'lost'; since: number; nextTryAt: number };

/** What a reader of one attempt's log is told. */
export interface LogFollower {
  jobId: string;
  attempt: number;
  /** Where to begin when the socket opens (again): a line, or so many lines before the end when negative. */
  from: () => number;
  onStart: (message: { firstLine: number; total: number }) => void;
  onFrame: (frame: ReadFrame) => void;
  onEnd: (lines: number) => void;
}

/** What the connection tells the page. */
interface Events {
  onChanged: (topic: ChangeTopic, id: string) => void;
  /** The socket is open again: everything on the page may be stale. */
  onReopened: () => void;
  /** The session ended. */
  onUnauthorized: () => void;
}

const UNAUTHORIZED = 4401;
/** Never opened within this: try again. */
const OPEN_LIMIT_MS = 10_000;

/** The page's one live socket: hints that something changed, and logs as they are written. Reconnects by itself. */
export class LiveConnection {
  #socket: WebSocket | null = null;
  #state: LiveState = { status: 'connecting' };
  #attempts = 0;
  #everOpen = false;
  #lostSince = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #stopped = false;
  readonly #url: string;
  readonly #events: Events;
  readonly #listeners = new Set<() => void>();
  readonly #followers = new Map<string, LogFollower>();

  constructor(url: string, events: Events) {
    this.#url = url;
    this.#events = events;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Calls `listener` when `state` changed, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#stopped = false;
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  /** Does not wait for the next try. */
  retryNow(): void {
    if (this.#state.status === 'lost') this.#open();
  }

  /** Something else noticed that the farm is away: do not wait for the socket to notice. */
  suspect(): void {
    if (this.#state.status === 'open') this.#socket?.close();
  }

  /** Follows one attempt's log until the returned function is called. One follower an attempt. */
  follow(follower: LogFollower): () => void {
    const key = `${follower.jobId} ${follower.attempt}`;
    this.#followers.set(key, follower);
    if (this.#state.status === 'open') this.#sendFollow(follower);
    return () => {
      if (this.#followers.get(key) !== follower) return;
      this.#followers.delete(key);
      this.#send({ type: 'unfollow.log', jobId: follower.jobId, attempt: follower.attempt });
    };
  }

  #setState(state: LiveState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  #send(message: LiveRequest): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #sendFollow({ jobId, attempt, from }: LogFollower): void {
    this.#send({ type: 'follow.log', jobId, attempt, from: from() });
  }

  #open(): void {
    if (this.#stopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#timer = setTimeout(() => socket.close(), OPEN_LIMIT_MS);
    socket.onopen = () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#attempts = 0;
      const again = this.#everOpen;
      this.#everOpen = true;
      this.#setState({ status: 'open' });
      this.#send({ type: 'follow.runs' });
      for (const follower of this.#followers.values()) this.#sendFollow(follower);
      if (again) this.#events.onReopened();
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.#receive(data);
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (this.#timer !== null) clearTimeout(this.#timer);
      if (this.#stopped) return;
      if (code === UNAUTHORIZED) return this.#events.onUnauthorized();
      if (this.#state.status !== 'lost') this.#lostSince = Date.now();
      const delay = reconnectDelay(++this.#attempts);
      this.#setState({ status: 'lost', since: this.#lostSince, nextTryAt: Date.now() + delay });
      this.#timer = setTimeout(() => this.#open(), delay);
    };
  }

  #receive(data: string | ArrayBuffer): void {
    if (typeof data !== 'string') {
      const frame = readFrame(new Uint8Array(data));
      const { job, attempt } = frame.header;
      this.#followers.get(`${job} ${attempt}`)?.onFrame(frame);
      return;
    }
    const message = JSON.parse(data) as LiveMessage;
    if (message.type === 'changed') this.#events.onChanged(message.topic, message.id);
    if (message.type === 'log.start')
      this.#followers.get(`${message.jobId} ${message.attempt}`)?.onStart({
        firstLine: message.firstLine,
        total: message.total,
      });
    if (message.type === 'log.end') this.#followers.get(`${message.jobId} ${message.attempt}`)?.onEnd(message.lines);
  }
}

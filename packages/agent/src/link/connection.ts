import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentMessage, CLOSE } from '@kiln/protocol/agent-messages.ts';
import { messageOf, type ServiceLog } from '../service-log.ts';
import { retryDelayMs } from './backoff.ts';
import { enrol, type Identity, IdentityFile } from './identity.ts';
import { Session, type SessionEnd, type SessionHandlers } from './session.ts';
import type { Uplink } from './uplink.ts';

/** A session that lasted this long was a good one: the next try may be quick. */
const GOOD_MS = 10_000;
/** How long a polite end may take. */
const CLOSE_MS = 1000;

export interface ConnectionOptions extends SessionHandlers {
  /** Address of the orchestrator, ws or wss. */
  orchestrator: URL;
  name: string;
  stateDir: string;
  /** The join token, or where to find it; asked at each enrolment. */
  joinToken: () => Promise<string>;
  log: ServiceLog;
}

/** Keeps a session with an orchestrator: enrols, connects, and connects again, until it is closed. */
export class Connection implements Uplink {
  /** Settles with the first identity. */
  readonly identified: Promise<Identity>;
  readonly #options: ConnectionOptions;
  readonly #file: IdentityFile;
  readonly #stop = new AbortController();
  readonly #identified = Promise.withResolvers<Identity>();
  readonly #ended: Promise<void>;
  #identity: Identity | null = null;
  #session: Session | null = null;
  #failures = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#file = new IdentityFile(options.stateDir);
    this.identified = this.#identified.promise;
    this.#ended = this.#run();
  }

  get identity(): Identity | null {
    return this.#identity;
  }

  get isConnected(): boolean {
    return this.#session?.isWelcomed ?? false;
  }

  /** The orchestrator's address for requests. */
  get base(): URL {
    return httpAddress(this.#options.orchestrator);
  }

  send(message: AgentMessage): boolean {
    return this.#session?.send(message) ?? false;
  }

  sendFrame(frame: Uint8Array): boolean {
    return this.#session?.sendFrame(frame) ?? false;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#session?.close(CLOSE.goingAway, 'the agent stops');
    const timer = setTimeout(() => this.#session?.terminate(), CLOSE_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const identity = await this.#ensureIdentity();
        const startedAt = performance.now();
        const end = await this.#hold(identity);
        if (signal.aborted) break;
        if (end.wasWelcomed && performance.now() - startedAt > GOOD_MS) this.#failures = 0;
        await this.#after(end);
      } catch (error) {
        if (signal.aborted) break;
        this.#complain({ error: messageOf(error) }, 'agent could not enrol');
      }
      await sleep(retryDelayMs(this.#failures++), undefined, { signal }).catch(() => {});
    }
    this.#identified.reject(new Error('the agent was stopped before it had an identity'));
    // Whoever waits hears it; nobody has to.
    this.identified.catch(() => {});
  }

  async #ensureIdentity(): Promise<Identity> {
    const { name, joinToken } = this.#options;
    this.#identity ??= await this.#file.read();
    if (!this.#identity) {
      this.#identity = await enrol(this.base, name, (await joinToken()).trim(), this.#stop.signal);
      await this.#file.write(this.#identity);
      this.#options.log.info({ agentId: this.#identity.agentId, name }, 'agent enrolled');
    }
    this.#identified.resolve(this.#identity);
    return this.#identity;
  }

  async #hold({ token }: Identity): Promise<SessionEnd> {
    const url = new URL('/agents/socket', this.#options.orchestrator);
    const session = new Session(url, token, this.#options, this.#options.log);
    this.#session = session;
    if (this.#stop.signal.aborted) session.terminate();
    const end = await session.ended;
    this.#session = null;
    return end;
  }

  async #after(end: SessionEnd): Promise<void> {
    const { code, reason } = end;
    if (end.refused === 401 || code === CLOSE.unauthorized) {
      this.#options.log.warn(
        { agentId: this.#identity?.agentId },
        'orchestrator does not know this agent any more, enrolling anew',
      );
      this.#identity = null;
      await this.#file.forget();
      return;
    }
    if (code === CLOSE.replaced) {
      // Two agents with one identity would throw each other out for ever: leave the place to the other for a while.
      this.#failures = Math.max(this.#failures, 12);
      this.#options.log.error(
        { reason },
        'another agent uses the identity of this one; give each its own data directory',
      );
      return;
    }
    if (end.wasWelcomed) this.#options.log.warn({ code, reason }, 'connection to the orchestrator was lost');
    else this.#complain({ code, reason }, 'orchestrator could not be reached');
  }

  /** Says at the first failure what is wrong, and then only now and then. */
  #complain(fields: Record<string, unknown>, message: string): void {
    const { log, orchestrator } = this.#options;
    const isNews = this.#failures === 0 || this.#failures % 10 === 9;
    log[isNews ? 'warn' : 'debug'](
      { ...fields, orchestrator: orchestrator.host, failures: this.#failures + 1 },
      message,
    );
  }
}

/** ws becomes http, wss https. */
export function httpAddress(orchestrator: URL): URL {
  const url = new URL(orchestrator);
  url.protocol = url.protocol === 'wss:' || url.protocol === 'https:' ? 'https:' : 'http:';
  return url;
}

import type { ResolvedConfig } from '@kiln/service/config.ts';
import type { Logger } from '@kiln/service/log.ts';
import { type ReadyFile, removeReadyFile, writeReadyFile } from '../farm/ready-file.ts';
import { agentUrl, dashboardUrl, orchestratorUrl } from '../farm/urls.ts';
import { PartsFile } from './leftovers.ts';
import { type Addresses, type Ending, Part } from './part.ts';
import type { PortEnvironment } from './ports.ts';
import { SupervisedPostgres } from './postgres.ts';

export interface FarmOptions {
  config: ResolvedConfig;
  log: Logger;
  once: boolean;
  /** Where the parts listen, at their first start. */
  ports: PortEnvironment;
  /** More arguments for the parts. */
  args: string[];
}

/** How a farm ended: the exit code, and the error when it was not meant to end. */
export interface FarmEnd {
  code: number;
  error: string | null;
}

/**
 * A whole farm on this machine: PostgreSQL (unless another one is configured), the server and the agent, each brought
 * back when it dies. All three begin to start at once; the server goes when PostgreSQL takes connections, and the agent
 * when the server knows its port.
 */
export class Farm {
  /** Settles when the farm can work for the first time. Never rejects. */
  readonly ready: Promise<ReadyFile & { signInUrl: string | null }>;
  /** Settles when the farm is to end: its work is done, or a part can't be started. */
  readonly ended: Promise<FarmEnd>;
  readonly #options: FarmOptions;
  readonly #parts: PartsFile;
  readonly #postgres: SupervisedPostgres | null;
  readonly #databaseUp = Promise.withResolvers<void>();
  readonly #serverUp = Promise.withResolvers<Addresses>();
  readonly #agentUp = Promise.withResolvers<Addresses>();
  readonly #end = Promise.withResolvers<FarmEnd>();
  readonly #server: Part;
  readonly #agent: Part;
  readonly #hasten = new AbortController();
  readonly #ports: PortEnvironment;

  constructor(options: FarmOptions) {
    const { config, log } = options;
    this.#options = options;
    this.#ports = { ...options.ports };
    this.#parts = new PartsFile(config.dataDir);
    this.#postgres = config.database.url
      ? null
      : new SupervisedPostgres(`${config.dataDir}/postgres`, log, () => this.#server.signal('SIGKILL'));
    this.#server = this.#part(
      'server',
      async () => await this.#serverEnvironment(),
      (addresses) => this.#serverReady(addresses),
    );
    this.#agent = this.#part('agent', async () => await this.#agentEnvironment(), this.#agentUp.resolve);
    this.ended = this.#end.promise;
    this.ready = this.#settle();
  }

  /** Reads the recipes again. */
  reload(): void {
    this.#server.signal('SIGHUP');
  }

  /** Makes a stop that takes its time quick. */
  hasten(): void {
    this.#hasten.abort();
  }

  /** Stops everything in order: agent, server, PostgreSQL. */
  async stop(): Promise<void> {
    await removeReadyFile(this.#options.config.dataDir);
    await this.#agent.stop(this.#hasten.signal);
    await this.#server.stop(this.#hasten.signal);
    await this.#postgres?.stop();
    await this.#parts.close();
  }

  async #settle(): Promise<ReadyFile & { signInUrl: string | null }> {
    const { config } = this.#options;
    try {
      await this.#postgres?.start();
      this.#databaseUp.resolve();
    } catch (error) {
      this.#end.resolve({ code: 1, error: error instanceof Error ? error.message : String(error) });
    }
    const server = await this.#serverUp.promise;
    const agent = await this.#agentUp.promise;
    const http = dashboardUrl(server.http ?? null, config.http.basePath);
    const ready: ReadyFile = {
      pid: process.pid,
      http,
      orchestrator: orchestratorUrl(server.orchestrator ?? null),
      agent: agentUrl(agent.http ?? null),
      startedAt: new Date().toISOString(),
    };
    await writeReadyFile(config.dataDir, ready);
    return { ...ready, signInUrl: http && server.signIn ? `${http}${server.signIn}` : null };
  }

  #part(
    name: 'server' | 'agent',
    environment: () => Promise<Record<string, string>>,
    onReady: (addresses: Addresses) => void,
  ): Part {
    return new Part({
      name,
      args: [...this.#options.args, ...(name === 'server' && this.#options.once ? ['--once'] : [])],
      log: this.#options.log,
      once: this.#options.once,
      environment,
      onReady,
      onEnd: (ending) => this.#end.resolve(describeEnd(name, ending)),
      onProcess: (pid) => this.#parts.note(name, pid),
    });
  }

  /** A server that comes back listens where the first one did. */
  #serverReady(addresses: Addresses): void {
    this.#ports.KILN_HTTP_ADDR = addresses.http ?? '';
    this.#ports.KILN_ORCHESTRATOR_ADDR = addresses.orchestrator ?? '';
    this.#serverUp.resolve(addresses);
  }

  async #serverEnvironment(): Promise<Record<string, string>> {
    await this.#databaseUp.promise;
    return { ...this.#ports, ...(this.#postgres ? { KILN_DATABASE_URL: this.#postgres.url() } : {}) };
  }

  async #agentEnvironment(): Promise<Record<string, string>> {
    const { orchestrator } = await this.#serverUp.promise;
    const url = this.#options.config.agent.orchestrator ?? orchestratorUrl(orchestrator ?? null);
    return { ...this.#ports, ...(url ? { KILN_AGENT_ORCHESTRATOR: url } : {}) };
  }
}

function describeEnd(part: string, { code, signal, message }: Ending): FarmEnd {
  if (code === 0) return { code: 0, error: null };
  return { code: 1, error: message ?? `the ${part} ended with ${signal ?? `code ${code}`} before it was ready` };
}

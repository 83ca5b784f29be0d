import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventDetail, RunDetail, StartedRun } from '@kiln/protocol/api.ts';
import { isFinishedRun } from '@kiln/protocol/states.ts';
import { startS3, type TestS3 } from '@kiln/store/blobs/testing-s3.ts';
import type { Database } from '@kiln/store/database.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { LAUNCHER, type LogEvent } from '../support/kiln-up.ts';
import { until } from '../support/until.ts';
import { type Balancer, startBalancer } from './balancer.ts';

/** How long anything may take in a cluster on a busy machine: it ends the wait of a broken test, not of a slow one. */
export const PATIENCE_MS = 90_000;
export const WEBHOOK_SECRET = 'a webhook secret that is long enough';

/** One process of a cluster, with a data directory of its own. */
export interface ClusterNode {
  name: string;
  process: ChildProcess;
  /** The events of its log so far. */
  events: LogEvent[];
  /** host:port where it listens; empty for an agent. */
  address: string;
}

/**
 * Kiln as a fleet: two platforms, two orchestrators and three agents as processes of their own, on one PostgreSQL and one
 * S3. They share no folder and no bus. Only the first orchestrator has recipes; agents reach the orchestrators through a
 * balancer, as they would in a fleet.
 */
export class Cluster {
  readonly root: string;
  readonly db: Database;
  readonly s3: TestS3;
  platforms: ClusterNode[] = [];
  orchestrators: ClusterNode[] = [];
  agents: ClusterNode[] = [];
  readonly #killed: ClusterNode[] = [];
  /** Of the first platform's data directory. */
  token = '';
  readonly #balancers: Balancer[] = [];
  readonly #environment: Record<string, string>;
  readonly #dropDatabase: () => Promise<void>;

  private constructor(root: string, made: Awaited<ReturnType<typeof testDatabase>>, s3: TestS3) {
    this.root = root;
    this.db = made.db;
    this.s3 = s3;
    this.#dropDatabase = made.drop;
    const { user, password, host, port, database } = made.address;
    this.#environment = {
      PATH: process.env.PATH ?? '',
      HOME: root,
      KILN_DATABASE_URL: `postgres://${user}:${password}@${host}:${port}/${database}`,
      KILN_HTTP_ADDR: '127.0.0.1:0',
      KILN_ORCHESTRATOR_ADDR: '127.0.0.1:0',
      KILN_BLOBS_URL: `s3://${s3.bucket}/blobs`,
      KILN_BLOBS_ENDPOINT: s3.endpoint,
      KILN_BLOBS_ACCESS_KEY_FILE: s3.access.accessKeyFile ?? '',
      KILN_BLOBS_SECRET_KEY_FILE: s3.access.secretKeyFile ?? '',
      KILN_REPOSITORIES_BUCKET: `s3://${s3.bucket}/repositories`,
    };
  }

  /** Starts all of it and waits until every agent is connected. `recipes`: texts by file name. */
  static async start(recipes: Record<string, string>): Promise<Cluster> {
    const root = await mkdtemp(join(tmpdir(), 'kiln-cluster-'));
    const cluster = new Cluster(root, await testDatabase(), await startS3());
    try {
      await cluster.#start(recipes);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async #start(recipes: Record<string, string>): Promise<void> {
    await mkdir(join(this.root, 'orchestrator-1', 'recipes'), { recursive: true });
    for (const [name, text] of Object.entries(recipes)) await this.writeRecipe(name, text);
    // The first one leads before there is another, so that its recipes are the farm's.
    this.orchestrators.push(await this.#server('orchestrator-1', 'orchestrator'));
    const rest = [
      this.#server('orchestrator-2', 'orchestrator'),
      this.#server('platform-1', 'platform'),
      this.#server('platform-2', 'platform'),
    ] as const;
    const [second, ...platforms] = await Promise.all(rest);
    this.orchestrators.push(second);
    this.platforms = platforms;
    this.token = (await readFile(join(this.root, 'platform-1', 'admin-token'), 'utf8')).trim();
    this.agents = await Promise.all(['one', 'two', 'three'].map(async (name, n) => await this.#agent(name, n % 2)));
    await until(
      'all agents are connected',
      async () => (await this.db`SELECT 1 FROM agents WHERE instance IS NOT NULL`).length === 3,
      PATIENCE_MS,
    );
  }

  /** Puts a recipe into the folder of the first orchestrator, which notices nothing of it by itself. */
  async writeRecipe(name: string, text: string): Promise<void> {
    await writeFile(join(this.root, 'orchestrator-1', 'recipes', name), text);
  }

  /** Asks one of the platforms for JSON; null where the answer is empty. */
  async api<T>(platform: number, path: string, init: { method?: string; body?: unknown } = {}): Promise<T> {
    return JSON.parse((await this.text(platform, path, init)) || 'null');
  }

  /** Asks one of the platforms as the admin, and gives the answer as it is. */
  async text(platform: number, path: string, init: { method?: string; body?: unknown } = {}): Promise<string> {
    const response = await fetch(`http://${this.platforms[platform]?.address}${path}`, {
      method: init.method ?? 'GET',
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} of platform ${platform + 1}: ${response.status} ${text}`);
    return text;
  }

  /** Orders a build at one platform and gives its run, once the event was routed. */
  async order(platform: number, recipe: string, version: string): Promise<string> {
    const started = await this.api<StartedRun>(platform, '/api/runs', { method: 'POST', body: { recipe, version } });
    const event = await until(
      `${recipe} ${version} is routed`,
      async () => {
        const found = await this.api<EventDetail>(1 - platform, `/api/events/${started.eventId}`);
        return found.status === 'done' ? found : null;
      },
      PATIENCE_MS,
    );
    const [runId] = event.runs;
    if (runId === undefined) throw new Error(`the order of ${recipe} ${version} made no run: ${event.outcome}`);
    return runId;
  }

  /** Waits until a run ended, by what one platform says. */
  async finished(platform: number, runId: string): Promise<RunDetail> {
    return await until(
      `run ${runId} is finished`,
      async () => {
        const run = await this.api<RunDetail>(platform, `/api/runs/${runId}`);
        return isFinishedRun(run.status) ? run : null;
      },
      PATIENCE_MS,
    );
  }

  /** Kills the orchestrator of this instance name, as the system would. */
  async kill(instance: string): Promise<ClusterNode> {
    const node = this.orchestrators.find(({ events }) => events[0]?.instance === instance);
    if (!node) throw new Error(`no orchestrator is called ${instance}`);
    const ended = once(node.process, 'exit');
    node.process.kill('SIGKILL');
    await ended;
    return node;
  }

  /** Starts an orchestrator in the place of a killed one, with its data directory. */
  async replace(killed: ClusterNode): Promise<void> {
    const replacement = await this.#server(killed.name, 'orchestrator');
    this.#killed.push(killed);
    this.orchestrators = this.orchestrators.map((node) => (node === killed ? replacement : node));
  }

  /** Events with this text in the logs of all servers there were. */
  events(msg: string): LogEvent[] {
    return [...this.platforms, ...this.orchestrators, ...this.#killed].flatMap(({ events }) =>
      events.filter((one) => one.msg === msg),
    );
  }

  async stop(): Promise<void> {
    const nodes = [...this.agents, ...this.orchestrators, ...this.platforms];
    await Promise.all(
      nodes.map(async ({ process: child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
    for (const balancer of this.#balancers) balancer.close();
    await this.#dropDatabase();
    await this.s3.stop();
    await rm(this.root, { recursive: true, force: true });
  }

  async #server(name: string, role: 'platform' | 'orchestrator'): Promise<ClusterNode> {
    const data = join(this.root, name);
    await mkdir(data, { recursive: true });
    const secret = join(data, 'webhook-secret');
    await writeFile(secret, `${WEBHOOK_SECRET}\n`);
    const node = this.#spawn(name, ['server', '--roles', role, '--data', data], {
      KILN_WEBHOOKS_GITHUB_SECRET_FILE: secret,
    });
    const listening = role === 'platform' ? 'webhook server listening' : 'listening for agents';
    const event = await until(
      `${name} listens`,
      () => {
        if (node.process.exitCode !== null) throw new Error(`${name} ended: ${JSON.stringify(node.events.slice(-5))}`);
        return node.events.find((one) => one.msg === listening);
      },
      PATIENCE_MS,
    );
    return Object.assign(node, { address: String(event.addr) });
  }

  /** An agent that is connected to one orchestrator while that lives. */
  async #agent(name: string, orchestrator: number): Promise<ClusterNode> {
    const data = join(this.root, `agent-${name}`);
    await mkdir(data);
    await copyFile(join(this.root, 'orchestrator-1', 'join-token'), join(data, 'join-token'));
    const balancer = await startBalancer(() => this.orchestrators.map(({ address }) => address), orchestrator);
    this.#balancers.push(balancer);
    return this.#spawn(name, ['agent', '--data', data, '--addr', '', '--name', name, '--slots', '1'], {
      KILN_AGENT_ORCHESTRATOR: `ws://${balancer.address}`,
    });
  }

  #spawn(name: string, args: string[], env: Record<string, string>): ClusterNode {
    const child = spawn(process.execPath, [LAUNCHER, ...args, '--log-format', 'json'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...this.#environment, ...env },
    });
    const events: LogEvent[] = [];
    let rest = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      events.push(...lines.filter((line) => line.startsWith('{')).map((line): LogEvent => JSON.parse(line)));
    });
    return { name, process: child, events, address: '' };
  }
}

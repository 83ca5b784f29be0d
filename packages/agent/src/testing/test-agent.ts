import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobDispatch } from '@kiln/protocol/agent-messages.ts';
import type { CompiledJob, CompiledStep } from '@kiln/protocol/compiled.ts';
import { loadConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { type Agent, startAgent } from '../agent.ts';
import { FakeOrchestrator } from './fake-orchestrator.ts';

/** A real agent with an orchestrator of the test's own. */
export interface TestFarm {
  orchestrator: FakeOrchestrator;
  agent: Agent;
  stateDir: string;
  /** The agent's service log, one record a line. */
  serviceLog: Record<string, unknown>[];
  /** Runs a job to its end and returns its result and its output. */
  run: (job: Partial<JobParts>) => Promise<RunResult>;
  /** Stops the agent and starts another one on the same folder. */
  restart: () => Promise<void>;
  close: () => Promise<void>;
}

export interface JobParts extends Omit<Partial<CompiledJob>, 'phases'> {
  steps: (string | Partial<CompiledStep>)[];
  phases: CompiledJob['phases'];
  upstream: JobDispatch['upstream'];
}

export type RunResult = Awaited<ReturnType<FakeOrchestrator['finished']>> & { dispatch: JobDispatch; output: string[] };

export interface FarmSettings {
  slots?: number;
  spoolLimit?: number;
  killGraceMs?: number;
  env?: Record<string, string>;
  orchestrator?: FakeOrchestrator;
}

/** Starts both and waits until they are connected. */
export async function testFarm(settings: FarmSettings = {}): Promise<TestFarm> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-agent-test-'));
  const orchestrator = settings.orchestrator ?? (await new FakeOrchestrator().open());
  const serviceLog: Record<string, unknown>[] = [];
  const stateDir = join(folder, 'agent');
  let lifecycle: Lifecycle;
  const start = async () => {
    const config = await loadConfig({
      dataDir: folder,
      env: {},
      overrides: {
        'agent.orchestrator': orchestrator.url,
        'agent.addr': '',
        'agent.name': 'tester',
        'agent.slots': settings.slots ?? 2,
        'agent.spool_limit': settings.spoolLimit ?? 268_435_456,
      },
    });
    const log = createLogger({
      level: 'debug',
      format: 'json',
      service: 'agent',
      instance: 'tester',
      destination: { write: (line: string) => serviceLog.push(JSON.parse(line)) },
    });
    lifecycle = new Lifecycle(log);
    const agent = await startAgent({
      config,
      log,
      lifecycle,
      metrics: createMetrics('kiln_agent_'),
      stateDir,
      joinToken: orchestrator.joinToken,
      killGraceMs: settings.killGraceMs ?? 500,
    });
    await agent.connected;
    return agent;
  };
  const farm: TestFarm = {
    orchestrator,
    agent: await start(),
    stateDir,
    serviceLog,
    run: async (parts) => {
      const dispatch = dispatchOf(parts);
      orchestrator.dispatch(dispatch);
      const finished = await orchestrator.finished(dispatch);
      const output = orchestrator.lines(dispatch).filter((line) => line.component === 'output');
      return { ...finished, dispatch, output: output.map((line) => line.text) };
    },
    restart: async () => {
      await lifecycle.stop();
      farm.agent = await start();
    },
    close: async () => {
      await lifecycle.stop();
      await orchestrator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return farm;
}

/** An order for a job of these parts. */
export function dispatchOf({ steps = [], phases, upstream = null, ...job }: Partial<JobParts>): JobDispatch {
  return {
    type: 'job.dispatch',
    jobId: randomUUID(),
    attempt: 1,
    fence: 7,
    runId: randomUUID(),
    requestId: randomUUID(),
    traceparent: null,
    recipe: 'tool',
    version: '1.2.3',
    upstream,
    eventTime: 1_700_000_000,
    job: {
      name: 'build',
      needs: [],
      labels: [],
      environment: {},
      secrets: [],
      checkout: upstream !== null,
      timeoutMs: 60_000,
      phases: phases ?? [{ name: 'build', weight: 1, steps: steps.map(stepOf) }],
      artifacts: [],
      logLimitBytes: 10 * 2 ** 30,
      ...job,
    },
  };
}

/** A step with the defaults of a recipe. */
export function stepOf(step: string | Partial<CompiledStep>): CompiledStep {
  const parts = typeof step === 'string' ? { run: step } : step;
  return {
    name: (parts.run ?? '').split('\n')[0] ?? '',
    run: '',
    shell: 'sh',
    workingDirectory: null,
    environment: {},
    timeoutMs: null,
    continueOnError: false,
    always: false,
    ...parts,
  };
}

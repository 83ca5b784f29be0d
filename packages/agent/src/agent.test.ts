import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AgentMetrics } from '@kiln/protocol/agent-messages.ts';
import { loadConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { Check } from 'typebox/value';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AgentOptions, orchestratorAddress, startAgent } from './agent.ts';
import { FakeOrchestrator } from './testing/fake-orchestrator.ts';
import { dispatchOf } from './testing/test-agent.ts';

let folder: string;
let orchestrator: FakeOrchestrator;
const lifecycles: Lifecycle[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kiln-agent-'));
  orchestrator = await new FakeOrchestrator().open();
});
afterEach(async () => {
  for (const lifecycle of lifecycles.splice(0)) await lifecycle.stop();
  await orchestrator.close();
  rmSync(folder, { recursive: true });
});

async function options(
  overrides: Record<string, string> = {},
): Promise<AgentOptions & { lines: Record<string, unknown>[] }> {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    level: 'debug',
    format: 'json',
    service: 'agent',
    instance: 'tester',
    destination: { write: (line: string) => lines.push(JSON.parse(line)) },
  });
  const lifecycle = new Lifecycle(log);
  lifecycles.push(lifecycle);
  const config = await loadConfig({
    dataDir: folder,
    env: {},
    overrides: { 'agent.orchestrator': orchestrator.url, 'agent.addr': '127.0.0.1:0', ...overrides },
  });
  const metrics = createMetrics('kiln_agent_');
  return { config, log, lifecycle, metrics, stateDir: join(folder, 'agent'), joinToken: orchestrator.joinToken, lines };
}

test('health, readiness and metrics tell how the agent is', async () => {
  const own = await options();
  const agent = await startAgent(own);
  await agent.connected;
  const get = async (path: string) => await fetch(`http://${agent.address}${path}`);
  expect(await (await get('/health')).json()).toEqual({
    status: 'ok',
    agentId: agent.agentId,
    connected: true,
    running: 0,
  });
  expect((await get('/ready')).status).toBe(200);
  const dispatch = dispatchOf({ steps: ['seq 1 10'] });
  orchestrator.dispatch(dispatch);
  await orchestrator.finished(dispatch);
  const text = await (await get('/metrics')).text();
  expect(text).toContain('kiln_agent_connected 1');
  expect(text).toContain('kiln_agent_jobs_total{outcome="completed"} 1');
  expect(text).toMatch(/kiln_agent_log_lines_total 1[67]/);
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) expect(name).toMatch(/^kiln_agent_/);
  await orchestrator.close();
  await orchestrator.until(() => own.lines.some(({ msg }) => String(msg).endsWith('was lost')), 'the loss');
  const notReady = await get('/ready');
  expect(notReady.status).toBe(503);
  expect(await notReady.json()).toMatchObject({ ready: false, reasons: ['orchestrator_not_connected'] });
  expect((await get('/health')).status).toBe(200);
});

test('its metrics and the figures of its host go to the orchestrator', async () => {
  const agent = await startAgent(await options());
  await agent.connected;
  const pushed = await orchestrator.until(
    () => orchestrator.others.find(({ type }) => type === 'metrics'),
    'the metrics',
  );
  expect(Check(AgentMetrics, pushed)).toBe(true);
  expect(pushed).toMatchObject({ text: expect.stringContaining('kiln_agent_slots 2'), memoryUsed: expect.any(Number) });
});

test('a probe address that is taken is an error, but only when somebody asked for it', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await expect(startAgent(await options({ 'agent.addr': `127.0.0.1:${port}` }))).rejects.toThrow(
    `the agent can't listen on 127.0.0.1:${port}: it is in use; set agent.addr to a free address, or to "" for none`,
  );
  taken.close();
});

test('without a join token it says what to do, and goes on as soon as there is one', async () => {
  let token = '';
  const own = await options();
  const starting = startAgent({ ...own, joinToken: async () => token });
  await orchestrator.until(() => own.lines.find(({ msg }) => msg === 'agent could not enrol'), 'the complaint');
  expect(own.lines.find(({ msg }) => msg === 'agent could not enrol')?.error).toMatch(
    /no join token; give it --join-token-file/,
  );
  token = `${orchestrator.joinToken}\n`;
  await (await starting).connected;
});

test('a wrong join token is called that, and a stop in the meantime is heard', async () => {
  const own = await options();
  const starting = startAgent({ ...own, joinToken: 'wrong' });
  const ended = expect(starting).rejects.toThrow('stopped before it had an identity');
  await orchestrator.until(
    () => own.lines.find(({ error }) => String(error).includes('refused the join token')),
    'the refusal',
  );
  await own.lifecycle.stop();
  await ended;
});

test('every line of the service log about a job has its ids', async () => {
  const own = await options();
  const agent = await startAgent(own);
  await agent.connected;
  const dispatch = dispatchOf({ steps: ['exit 1'] });
  orchestrator.dispatch(dispatch);
  await orchestrator.finished(dispatch);
  const { runId, requestId, jobId } = dispatch;
  await orchestrator.until(() => own.lines.some(({ msg }) => msg === 'job finished'), 'the last line');
  const about = own.lines.filter(({ msg }) => String(msg).startsWith('job '));
  expect(about.map(({ msg }) => msg)).toEqual(['job started', 'job finished']);
  for (const line of about) expect(line).toMatchObject({ runId, requestId, jobId, recipe: 'tool', version: '1.2.3' });
  expect(about.at(-1)).toMatchObject({ outcome: 'failed', failure: 'step "exit 1" ended with exit code 1' });
});

test('steps go on with the trace of the request', async () => {
  const agent = await startAgent(await options());
  await agent.connected;
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
  const dispatch = { ...dispatchOf({ steps: ['echo $TRACEPARENT'] }), traceparent };
  orchestrator.dispatch(dispatch);
  await orchestrator.finished(dispatch);
  const output = orchestrator.lines(dispatch).find(({ component }) => component === 'output');
  expect(output?.text).toMatch(new RegExp(`^00-${'ab'.repeat(16)}-[0-9a-f]{16}-01$`));
});

test('the orchestrator is where it was said, else on this machine', async () => {
  const { config } = await options();
  const of = (agent: string | null, addr = '127.0.0.1:10143') =>
    String(
      orchestratorAddress({
        ...config,
        agent: { ...config.agent, orchestrator: agent },
        orchestrator: { ...config.orchestrator, addr },
      }),
    );
  expect(of('wss://farm.example')).toBe('wss://farm.example/');
  expect(of('http://farm.example:1')).toBe('ws://farm.example:1/');
  expect(of(null, '0.0.0.0:7')).toBe('ws://127.0.0.1:7/');
  expect(() => of('farm.example:1')).toThrow(
    'agent.orchestrator is "farm.example:1"; write ws://host:port or wss://host:port',
  );
});

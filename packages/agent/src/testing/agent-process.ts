import { join } from 'node:path';
import { loadConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { startAgent } from '../agent.ts';

/** An agent in a process of its own, for tests that kill it. Arguments: data directory, orchestrator, join token. */
const [dataDir = '', orchestrator = '', joinToken = ''] = process.argv.slice(2);
const config = await loadConfig({
  dataDir,
  env: {},
  overrides: { 'agent.orchestrator': orchestrator, 'agent.addr': '', 'agent.name': 'tester' },
});
const log = createLogger({ level: 'error', format: 'json', service: 'agent', instance: 'tester' });
const lifecycle = new Lifecycle(log);
process.on('SIGTERM', () => void lifecycle.stop());
const agent = await startAgent({
  config,
  log,
  lifecycle,
  metrics: createMetrics('kiln_agent_'),
  stateDir: join(dataDir, 'agent'),
  joinToken,
});
await agent.connected;
process.send?.('connected');
await lifecycle.stopped;
process.disconnect?.();

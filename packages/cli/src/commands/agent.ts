import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startAgent } from '@kiln/agent/agent.ts';
import { loadConfig, type ResolvedConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger, type Logger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { startTracing } from '@kiln/service/tracing.ts';
import { takeDataDirectory } from '@kiln/store/data-dir.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from '../errors.ts';
import { dataDirectory } from '../farm/location.ts';
import { reportFatal } from '../fatal.ts';
import { isPart, tellParent } from '../parent.ts';

const SERVICE = 'agent';
/** After a fault: closing properly is a courtesy with a limit, in milliseconds. */
const STOP_LIMIT_MS = 8000;

interface AgentCommandOptions {
  data?: string;
  config?: string;
  orchestrator?: string;
  name?: string;
  slots?: number;
  labels?: string;
  addr?: string;
  joinTokenFile?: string;
  logFormat?: string;
  logLevel?: string;
}

const HELP = `
The agent keeps its identity, its workspaces and the logs that wait under DIR/agent. It needs a join token only once.
The secrets that recipes name are taken from its environment.

Examples:
  kiln agent                                     join the farm on this machine
  kiln agent --orchestrator ws://farm:10143 --join-token-file join-token --name builder-1
  kiln agent --slots 4 --labels gpu,ubuntu-24.04 --data /var/lib/kiln`;

/** `kiln agent`: runs an agent until it is told to stop. */
export function register(program: Command): void {
  program
    .command('agent')
    .description('Runs an agent: it joins a farm and runs the jobs that it is given, here or on another machine.')
    .option('--data <dir>', 'data directory (default: KILN_DATA, else kiln-data in the checkout)')
    .option('--config <file>', 'configuration file (default: kiln.yaml in the data directory)')
    .option('--orchestrator <url>', 'address of the orchestrator, ws://host:port or wss://host:port')
    .option('--name <name>', 'name of the agent (default: the host name)')
    .option('--slots <n>', 'how many jobs it runs at once', slotCount)
    .option('--labels <list>', 'labels beside those that Kiln gives, separated by commas')
    .option('--addr <host:port>', 'address of its /health, /ready and /metrics; "" for none')
    .option('--join-token-file <file>', 'file with a join token (default: join-token in the data directory)')
    .addOption(new Option('--log-format <format>', 'of the log on stderr').choices(['json', 'logfmt', 'pretty']))
    .addOption(new Option('--log-level <level>', 'least level to log').choices(['debug', 'info', 'warn', 'error']))
    .addHelpText('after', HELP)
    .action(async (options: AgentCommandOptions) => {
      process.exitCode = await runAgent(options);
    });
}

/** Runs until SIGTERM or SIGINT. Returns the exit code; throws to the supervisor what kept the agent from starting. */
async function runAgent(options: AgentCommandOptions): Promise<number> {
  let log: Logger | null = null;
  let lifecycle: Lifecycle | null = null;
  let isStopping = false;
  const stop = () => {
    isStopping = true;
    void lifecycle?.stop();
  };
  const fail = (error: unknown) => {
    reportFatal(error, log, { ...options, service: SERVICE });
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    void (lifecycle?.stop() ?? Promise.resolve()).finally(() => process.exit(1));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  try {
    const config = await configure(options);
    const instance = config.agent.name;
    log = createLogger({ ...config.log, service: SERVICE, instance });
    const endpoint = config.telemetry.otlpEndpoint;
    const tracing = await startTracing({ service: SERVICE, instance, endpoint, log });
    lifecycle = new Lifecycle(log);
    lifecycle.onStop('tracing', async () => await tracing.shutdown());
    const stateDir = join(config.dataDir, 'agent');
    const claim = await takeDataDirectory(stateDir);
    lifecycle.onStop('data directory', async () => await claim.release());
    if (isStopping) stop();
    const agent = await startAgent({
      config,
      log,
      lifecycle,
      metrics: createMetrics('kiln_agent_'),
      stateDir,
      joinToken: async () => await readToken(options.joinTokenFile ?? join(config.dataDir, 'join-token')),
      // The supervisor's own log has these lines already.
      forwardLog: config.agent.forwardLog && !isPart(),
    });
    process.on('uncaughtException', fail);
    void agent.connected.then(() => tellParent({ type: 'ready', addresses: { http: agent.address } }));
    await lifecycle.stopped;
    return 0;
  } catch (error) {
    await lifecycle?.stop();
    // Being stopped before the farm was reached is a clean end.
    if (isStopping) return 0;
    if (isPart()) throw error;
    reportFatal(error, log, { ...options, service: SERVICE });
    return 1;
  }
}

async function configure(options: AgentCommandOptions): Promise<ResolvedConfig> {
  return await loadConfig({
    dataDir: dataDirectory(options.data),
    file: options.config,
    env: process.env,
    overrides: {
      'agent.orchestrator': options.orchestrator,
      'agent.name': options.name,
      'agent.slots': options.slots,
      'agent.labels': options.labels?.split(',').filter(Boolean),
      'agent.addr': options.addr,
      'log.format': options.logFormat,
      'log.level': options.logLevel,
    },
  });
}

async function readToken(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new CliError(
      `the join token could not be read from ${file} (${reason}); copy join-token from the data directory of the farm, or name its place with --join-token-file`,
    );
  }
}

function slotCount(text: string): number {
  const slots = Number(text);
  if (!Number.isInteger(slots) || slots < 1 || slots > 256)
    throw new InvalidArgumentError('It is a number from 1 to 256.');
  return slots;
}

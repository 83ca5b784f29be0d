import { hostname } from 'node:os';
import { loadConfig, type ResolvedConfig } from '@kiln/service/config.ts';
import { readConfig } from '@kiln/service/config-read.ts';
import { createLogger, type Logger } from '@kiln/service/log.ts';
import { takeDataDirectory } from '@kiln/store/data-dir.ts';
import { dataDirectory } from '../farm/location.ts';
import { logOutput } from '../log-output.ts';
import { placeFirstOrder } from '../starter/first-order.ts';
import { firstStart } from '../starter/first-start.ts';
import type { StarterFarm } from '../starter/starter-farm.ts';
import { banner, FAREWELL } from './banner.ts';
import { Farm, type FarmEnd } from './farm.ts';
import { endLeftovers } from './leftovers.ts';
import { PRIVATE_PORTS, settlePorts } from './ports.ts';
import { onStopSignals } from './signals.ts';

/** The options of `kiln up`, as commander gives them. */
export interface UpOptions {
  data?: string;
  port?: number;
  config?: string;
  once?: boolean;
  logLevel?: string;
  logFormat?: string;
  starter: boolean;
}

const STOPPED: FarmEnd = { code: 0, error: null };
const UNHEARD: FarmEnd = { code: 1, error: null };

/** Runs a farm until it is stopped, or until its work is done with `once`. Returns how it ended; throws what kept it from starting. */
export async function runFarm(options: UpOptions, adopt: (log: Logger) => void): Promise<FarmEnd> {
  let farm: Farm | null = null;
  const stopped = onStopSignals({ reload: () => farm?.reload(), hasten: () => farm?.hasten() });
  const unheard = Promise.withResolvers<FarmEnd>();
  process.stdout.removeAllListeners('error').on('error', () => unheard.resolve(UNHEARD));
  const dataDir = dataDirectory(options.data);
  const lock = await takeDataDirectory(dataDir);
  try {
    await endLeftovers(dataDir);
    const starter = options.config ? null : await firstStart(dataDir, { starter: options.starter });
    Object.assign(process.env, environmentOf(options, dataDir));
    const sources = { dataDir, env: process.env, file: options.config };
    const config = await loadConfig(sources);
    const log = supervisorLog(config, () => unheard.resolve(UNHEARD));
    adopt(log);
    const once = options.once === true;
    const ports = once ? PRIVATE_PORTS : await settlePorts((await readConfig(sources)).settings, log);
    const args = ['--data', dataDir, ...(options.config && config.file ? ['--config', config.file] : [])];
    farm = new Farm({ config, log, once, ports, args });
    if (!once) void welcome(farm, { config, starter, log });
    const end = await Promise.race([stopped.then(() => STOPPED), farm.ended, unheard.promise]);
    if (end === STOPPED && process.stdout.isTTY) process.stdout.write(FAREWELL);
    await farm.stop();
    return end;
  } finally {
    await lock.release();
  }
}

/** What follows once the farm can work. */
async function welcome(
  farm: Farm,
  { config, starter, log }: { config: ResolvedConfig; starter: StarterFarm | null; log: Logger },
): Promise<void> {
  const ready = await farm.ready;
  process.stdout.write(
    banner({ ...ready, dataDir: config.dataDir, farmId: config.farmId, notes: starter?.notes ?? [] }),
  );
  if (ready.http) await placeFirstOrder(config.dataDir, starter, log);
}

/** The command line as variables, so that the parts get the same settings in the same way. */
function environmentOf(options: UpOptions, dataDir: string): Record<string, string> {
  return {
    KILN_DATA: dataDir,
    ...(options.logLevel ? { KILN_LOG_LEVEL: options.logLevel } : {}),
    ...(options.logFormat ? { KILN_LOG_FORMAT: options.logFormat } : {}),
    ...(options.port === undefined ? {} : { KILN_HTTP_ADDR: `127.0.0.1:${options.port}` }),
  };
}

function supervisorLog(config: ResolvedConfig, onBroken: () => void): Logger {
  const instance = `${hostname()}-${process.pid}`;
  return createLogger({ ...config.log, service: 'supervisor', instance, destination: logOutput(onBroken) });
}

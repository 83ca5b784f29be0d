import type { Logger } from '@kiln/service/log.ts';
import { CliError } from '../errors.ts';
import { reportFatal } from '../fatal.ts';
import { runFarm, type UpOptions } from './run.ts';

/** `kiln up` from start to end. Returns the exit code. */
export async function up(options: UpOptions): Promise<number> {
  let log: Logger | null = null;
  process.on('uncaughtException', (error) => {
    // The parts end by themselves when this process is gone.
    reportFatal(error, log, options);
    process.exit(1);
  });
  try {
    const end = await runFarm(options, (made) => {
      log = made;
    });
    if (end.error !== null) reportFatal(new CliError(end.error), log, options);
    return end.code;
  } catch (error) {
    reportFatal(error, log, options);
    return 1;
  }
}

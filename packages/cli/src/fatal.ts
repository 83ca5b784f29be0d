import { hostname } from 'node:os';
import { ConfigError } from '@kiln/service/config.ts';
import { createLogger, type Logger } from '@kiln/service/log.ts';
import { DataDirectoryBusyError } from '@kiln/store/data-dir.ts';
import { CliError } from './errors.ts';

/**
 * The last line of a daemon that did not mean to end: one event `kiln exited with error`. Somebody at a terminal who
 * made a mistake (a taken port, a wrong key) gets the plain sentence instead.
 */
export function reportFatal(
  error: unknown,
  log: Logger | null,
  options: { logFormat?: string | undefined; service?: string },
): void {
  const mistake = error instanceof CliError || error instanceof ConfigError || error instanceof DataDirectoryBusyError;
  if (mistake && process.stderr.isTTY && !options.logFormat) {
    process.stderr.write(`kiln: ${error.message}\n`);
    return;
  }
  const format = options.logFormat;
  const logger =
    log ??
    createLogger({
      level: 'info',
      format: format === 'logfmt' || format === 'json' || format === 'pretty' ? format : null,
      service: options.service ?? 'supervisor',
      instance: `${hostname()}-${process.pid}`,
    });
  logger.error(mistake ? { error: error.message } : { err: error }, 'kiln exited with error');
}

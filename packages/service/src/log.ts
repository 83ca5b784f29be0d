import { hostname } from 'node:os';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino';
import { formatLogfmt, formatPretty, type LogRecord } from './log-format.ts';

export type { Logger } from 'pino';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'logfmt' | 'pretty';

export interface LoggerOptions {
  level: LogLevel;
  /** Null: pretty when stderr is a terminal, json otherwise. */
  format: LogFormat | null;
  /** The tier that speaks: platform, orchestrator, agent … */
  service: string;
  /** Name of this process among others of its tier. */
  instance: string;
  /** Where the lines go. Default: stderr, written synchronously so that none is lost at exit. */
  destination?: DestinationStream;
}

const SECRET_KEYS = ['password', 'secret', 'token', 'authorization', 'cookie'];

/**
 * The service log: one structured line an event. Fields: time (ISO 8601), level (a word), msg, service, instance, host,
 * then the caller's. An Error given as `err` or `error` becomes the fields `error` (its message with its causes) and
 * `stack`. While a span is active, traceId and spanId are added together.
 */
export function createLogger(options: LoggerOptions): Logger {
  const sink = options.destination ?? pino.destination({ fd: 2, sync: true });
  const format = options.format ?? (process.stderr.isTTY ? 'pretty' : 'json');
  const stream = format === 'json' ? sink : { write: (line: string) => sink.write(reformat(line, format)) };
  const shared = {
    level: options.level,
    formatters: { level: (label: string) => ({ level: label }), log: flattenError },
    redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '***' },
  };
  const base = { service: options.service, instance: options.instance, host: hostname() };
  const log = pino({ ...shared, base, timestamp: stdTimeFunctions.isoTime, mixin: traceIds }, stream);
  relays.set(log, pino({ ...shared, base: null, timestamp: false }, stream));
  return log;
}

const relays = new WeakMap<Logger, Logger>();

/**
 * Where lines of another process go that are to be printed among those of `log`: in the same format, with nothing added, so
 * that time, service, instance and host are those of the line. `log` is one that `createLogger` made.
 */
export function relayOf(log: Logger): Logger {
  const relay = relays.get(log);
  if (!relay) throw new Error('a relay belongs to a logger that createLogger made');
  return relay;
}

function reformat(line: string, format: 'logfmt' | 'pretty'): string {
  const record: LogRecord = JSON.parse(line);
  return format === 'logfmt' ? formatLogfmt(record) : formatPretty(record, process.stderr.isTTY);
}

function traceIds(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { traceId: span.traceId, spanId: span.spanId } : {};
}

function flattenError(fields: Record<string, unknown>): Record<string, unknown> {
  const error = fields.err instanceof Error ? fields.err : fields.error;
  if (!(error instanceof Error)) return fields;
  const { err: _, error: __, ...rest } = fields;
  const { message, stack } = stdSerializers.err(error);
  return { ...rest, error: message, stack };
}

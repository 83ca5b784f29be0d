import { hostname } from 'node:os';
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { IdTracerProvider } from './id-tracer.ts';
import type { Logger } from './log.ts';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * Makes OpenTelemetry's global tracer work in this process. Ids exist always; spans are exported, by OTLP/HTTP, only
 * with an `endpoint` (the receiver's base address, such as http://127.0.0.1:4318). A second start in one process
 * changes nothing. `shutdown` sends what is left (bounded by 3 s) and never throws.
 */
export async function startTracing(options: {
  service: string;
  instance: string;
  endpoint?: string | null;
  log: Logger;
}): Promise<{ shutdown(): Promise<void> }> {
  const { service, instance, endpoint, log } = options;
  const manager = new AsyncLocalStorageContextManager().enable();
  if (!context.setGlobalContextManager(manager)) return { shutdown: async () => {} };
  let flush = async (): Promise<void> => {};
  if (endpoint) {
    const { startExport } = await import('./trace-export.ts');
    const exported = startExport({ service, instance, host: hostname(), endpoint, log });
    trace.setGlobalTracerProvider(exported.provider);
    flush = exported.shutdown;
  } else {
    trace.setGlobalTracerProvider(new IdTracerProvider());
  }
  return {
    async shutdown() {
      await flush();
      trace.disable();
      context.disable();
    },
  };
}

/**
 * Runs `fn` inside a span that ends with it. Parent: the span active here, or the one that `parent` (a W3C traceparent)
 * names; null begins a new trace. An error is recorded on the span and thrown on.
 */
export async function inSpan<T>(
  name: string,
  options: { parent?: string | null; attributes?: Attributes },
  fn: (span: Span) => Promise<T> | T,
): Promise<T> {
  const from = options.parent === undefined ? context.active() : contextOf(options.parent);
  const span = trace.getTracer('kiln').startSpan(name, { attributes: options.attributes ?? {} }, from);
  try {
    return await context.with(trace.setSpan(from, span), async () => await fn(span));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    span.recordException(error instanceof Error ? error : message);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    throw error;
  } finally {
    span.end();
  }
}

/** The W3C trace context of a span: what travels in events, jobs and messages. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** The traceparent of the span active here, or null outside of any. */
export function currentTraceparent(): string | null {
  const span = trace.getActiveSpan();
  return span && isSpanContextValid(span.spanContext()) ? traceparentOf(span) : null;
}

function contextOf(traceparent: string | null): Context {
  const match = traceparent === null ? null : TRACEPARENT.exec(traceparent);
  const [, traceId, spanId, flags] = match ?? [];
  if (!traceId || !spanId || !flags) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

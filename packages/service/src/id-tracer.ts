import { randomBytes } from 'node:crypto';
import {
  type Context,
  context as contexts,
  isSpanContextValid,
  type Span,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';

/**
 * Gives every span its ids and its place in the trace, and records nothing: for processes that export no traces, whose
 * log lines and messages must carry the ids all the same. The SDK would take 50 ms of the start for that.
 */
export class IdTracerProvider implements TracerProvider {
  getTracer(): Tracer {
    return new IdTracer();
  }
}

class IdTracer implements Tracer {
  startSpan(_name: string, options: SpanOptions = {}, context: Context = contexts.active()): Span {
    const parent = options.root ? undefined : trace.getSpanContext(context);
    const inherits = parent !== undefined && isSpanContextValid(parent);
    return trace.wrapSpanContext({
      traceId: inherits ? parent.traceId : randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      // Sampled, so that a process further down that does export keeps its part of the trace.
      traceFlags: inherits ? parent.traceFlags : TraceFlags.SAMPLED,
    });
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(name: string, options: SpanOptions, fn: F): ReturnType<F>;
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    context: Context,
    fn: F,
  ): ReturnType<F>;
  startActiveSpan(name: string, ...rest: unknown[]): unknown {
    const fn = rest.at(-1);
    if (typeof fn !== 'function') throw new TypeError('startActiveSpan needs a function');
    const [options, given] = rest.length > 1 ? (rest as [SpanOptions, unknown]) : [{}, undefined];
    const parent = rest.length > 2 ? (given as Context) : contexts.active();
    const span = this.startSpan(name, options, parent);
    return contexts.with(trace.setSpan(parent, span), () => fn(span));
  }
}

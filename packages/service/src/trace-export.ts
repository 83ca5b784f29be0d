import { DiagLogLevel, diag, type TracerProvider } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import type { Logger } from './log.ts';
import { VERSION } from './version.ts';
import { withLimit } from './with-limit.ts';

/** How long the end may wait for the last spans. */
const FLUSH_LIMIT_MS = 3000;
/** A receiver that is away is one warning a minute, not one a batch. */
const COMPLAIN_EVERY_MS = 60_000;

/** Batches spans and posts them to `<endpoint>/v1/traces` as protobuf. Loaded only by processes that export. */
export function startExport(options: {
  service: string;
  instance: string;
  host: string;
  endpoint: string;
  log: Logger;
}): { provider: TracerProvider; shutdown(): Promise<void> } {
  const url = `${options.endpoint.replace(/\/+$/, '')}/v1/traces`;
  reportFailures(url, options.log);
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      [ATTR_SERVICE_NAME]: `kiln-${options.service}`,
      [ATTR_SERVICE_VERSION]: VERSION,
      'service.instance.id': options.instance,
      'host.name': options.host,
    }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: FLUSH_LIMIT_MS }))],
  });
  return {
    provider,
    async shutdown() {
      try {
        await withLimit(
          FLUSH_LIMIT_MS,
          `the last traces were not taken by ${url}`,
          async () => await provider.shutdown(),
        );
      } catch (error) {
        options.log.warn({ err: error }, 'the last traces could not be sent');
      }
    },
  };
}

/** The SDK tells of failed exports only through its own diagnostics. */
function reportFailures(url: string, log: Logger): void {
  let last = Number.NEGATIVE_INFINITY;
  const nothing = () => {};
  const error = (message: string) => {
    if (performance.now() - last < COMPLAIN_EVERY_MS) return;
    last = performance.now();
    log.warn({ url, error: message }, 'traces could not be sent');
  };
  diag.setLogger(
    { error, warn: nothing, info: nothing, debug: nothing, verbose: nothing },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
}

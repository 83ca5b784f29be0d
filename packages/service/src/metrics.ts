import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { addProcessMetrics } from './process-metrics.ts';

export type MetricPrefix = 'kiln_' | 'kiln_orch_' | 'kiln_agent_';

/**
 * The metrics of one tier. Names are given without the prefix. Labels must be low in number: never an id, a path or a
 * text that a user can vary without bound.
 */
export interface Metrics {
  readonly registry: Registry;
  /** `collect` is called at each scrape, to take over a count that is kept elsewhere. */
  counter<T extends string = never>(
    name: string,
    help: string,
    labelNames?: readonly T[],
    collect?: (counter: Counter<T>) => void | Promise<void>,
  ): Counter<T>;
  /** `collect` is called at each scrape, to set a value that nobody counts along the way. */
  gauge<T extends string = never>(
    name: string,
    help: string,
    labelNames?: readonly T[],
    collect?: (gauge: Gauge<T>) => void | Promise<void>,
  ): Gauge<T>;
  /** `buckets` are upper bounds; in seconds for a name that ends in _seconds. */
  histogram<T extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly T[],
  ): Histogram<T>;
}

/** A registry whose metrics all carry the tier's prefix, with what the process itself uses already in it. */
export function createMetrics(prefix: MetricPrefix, defaultLabels: Record<string, string> = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels(defaultLabels);
  const metrics: Metrics = {
    registry,
    counter<T extends string = never>(
      name: string,
      help: string,
      labelNames: readonly T[] = [],
      collect?: (counter: Counter<T>) => void | Promise<void>,
    ) {
      const counter: Counter<T> = new Counter({
        name: prefix + name,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        ...(collect ? { collect: async () => await collect(counter) } : {}),
      });
      return counter;
    },
    gauge<T extends string = never>(
      name: string,
      help: string,
      labelNames: readonly T[] = [],
      collect?: (gauge: Gauge<T>) => void | Promise<void>,
    ) {
      const gauge: Gauge<T> = new Gauge({
        name: prefix + name,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        ...(collect ? { collect: async () => await collect(gauge) } : {}),
      });
      return gauge;
    },
    histogram: (name, help, buckets, labelNames = []) =>
      new Histogram({
        name: prefix + name,
        help,
        buckets: [...buckets],
        labelNames: [...labelNames],
        registers: [registry],
      }),
  };
  addProcessMetrics(metrics);
  return metrics;
}

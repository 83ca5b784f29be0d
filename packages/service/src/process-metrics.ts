import { performance } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';
import { VERSION } from './version.ts';

/** What the process uses, read at each scrape: nothing here runs a timer of its own. */
export function addProcessMetrics(metrics: Metrics): void {
  metrics
    .gauge('build_info', 'Always 1; the labels say which Kiln and which Node.js this is', ['version', 'node_version'])
    .set({ version: VERSION, node_version: process.version }, 1);
  metrics
    .gauge('process_start_time_seconds', 'When the process started, in seconds since the epoch')
    .set(performance.timeOrigin / 1000);
  metrics.gauge('process_resident_memory_bytes', 'Resident memory of the process', [], (gauge) =>
    gauge.set(process.memoryUsage.rss()),
  );
  metrics.gauge('process_heap_used_bytes', 'JavaScript heap in use', [], (gauge) =>
    gauge.set(process.memoryUsage().heapUsed),
  );
  let counted = 0;
  metrics.counter('process_cpu_seconds_total', 'Processor time used since the start', [], (counter) => {
    const { user, system } = process.cpuUsage();
    counter.inc((user + system) / 1e6 - counted);
    counted = (user + system) / 1e6;
  });
  let last = performance.eventLoopUtilization();
  metrics.gauge(
    'process_event_loop_utilization_ratio',
    'Share of the time since the last scrape in which the event loop was busy',
    [],
    (gauge) => {
      const now = performance.eventLoopUtilization();
      gauge.set(performance.eventLoopUtilization(now, last).utilization);
      last = now;
    },
  );
}

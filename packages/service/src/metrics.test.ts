import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';
import { VERSION } from './version.ts';

test('every name gets the prefix of the tier, every series the default labels', async () => {
  const metrics = createMetrics('kiln_orch_', { farm: 'build-1' });
  metrics.counter('event_dlq_total', 'Events moved to the DLQ', ['source']).inc({ source: 'poll' });
  let depth = 7;
  metrics.gauge('event_dlq_depth', 'Events in the DLQ', [], (gauge) => gauge.set(depth));
  metrics.histogram('poll_seconds', 'Length of a poll', [0.1, 1]).observe(0.5);
  const text = await metrics.registry.metrics();
  expect(text).toContain('kiln_orch_event_dlq_total{source="poll",farm="build-1"} 1');
  expect(text).toContain('kiln_orch_event_dlq_depth{farm="build-1"} 7');
  expect(text).toContain('kiln_orch_poll_seconds_bucket{le="1",farm="build-1"} 1');
  depth = 3;
  expect(await metrics.registry.metrics()).toContain('kiln_orch_event_dlq_depth{farm="build-1"} 3');
  const names = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(names.filter((line) => !line.startsWith('kiln_orch_'))).toEqual([]);
});

test('what the process is and uses is always there', async () => {
  const text = await createMetrics('kiln_').registry.metrics();
  expect(text).toContain(`kiln_build_info{version="${VERSION}",node_version="${process.version}"} 1`);
  for (const name of ['resident_memory_bytes', 'heap_used_bytes', 'cpu_seconds_total', 'start_time_seconds']) {
    expect(Number(new RegExp(`^kiln_process_${name} (\\S+)$`, 'm').exec(text)?.[1])).toBeGreaterThan(0);
  }
});

test('two tiers in one process have registries of their own', async () => {
  createMetrics('kiln_').counter('same_total', 'x').inc();
  const other = createMetrics('kiln_agent_');
  other.counter('same_total', 'x');
  expect(await other.registry.metrics()).not.toContain('kiln_same_total');
});

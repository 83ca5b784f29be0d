import { expect, test } from 'vitest';
import { METRICS, type MetricName, type Sample } from './metrics-table.ts';
import { encodeMetrics } from './otlp.ts';
import { decodeMetrics } from './testing.ts';

const AT = 1_795_538_906_951;
const SINCE = AT - 3_600_000;

test('every metric of the table arrives as it was meant', () => {
  const samples = (Object.keys(METRICS) as MetricName[]).map((metric, index): Sample => {
    const labels = Object.fromEntries(METRICS[metric].labels.map((label) => [label, `${label} of ${metric}`]));
    return { metric, labels, value: index + 0.5 };
  });
  const points = decodeMetrics(encodeMetrics(samples, { at: AT, countersSince: SINCE }));
  expect(points).toEqual(
    samples.map(({ metric, labels, value }) => ({
      metric,
      description: METRICS[metric].help,
      unit: METRICS[metric].unit,
      type: METRICS[metric].type,
      labels,
      value,
      at: AT,
      since: METRICS[metric].type === 'counter' ? SINCE : null,
    })),
  );
});

test('an end, a zero, other times, a long name and letters of all kinds arrive', () => {
  const metric = 'systemd_unit_active';
  const unit = `${'überlänge-'.repeat(30)}🧱.service`;
  const samples: Sample[] = [
    { metric, labels: { unit, sub_state: 'running', host: '' }, value: 0 },
    { metric, labels: { unit, sub_state: 'failed', host: '' }, value: null, at: AT - 5000 },
  ];
  const points = decodeMetrics(encodeMetrics(samples, { at: AT, countersSince: SINCE }));
  expect(points.map(({ labels, value, at }) => ({ labels, value, at }))).toEqual([
    { labels: { unit, sub_state: 'running', host: '' }, value: 0, at: AT },
    { labels: { unit, sub_state: 'failed', host: '' }, value: null, at: AT - 5000 },
  ]);
});

test('ten thousand samples keep their values', () => {
  const samples = Array.from({ length: 10_000 }, (_, n): Sample => {
    return { metric: 'systemd_unit_tasks', labels: { unit: `u${n}.service`, host: 'h' }, value: n };
  });
  const points = decodeMetrics(encodeMetrics(samples, { at: AT, countersSince: SINCE }));
  expect(points.every(({ labels, value }, n) => value === n && labels.unit === `u${n}.service`)).toBe(true);
  expect(points).toHaveLength(10_000);
});

import type { MetricName, Sample } from '@kiln/heartbeat/metrics-table.ts';
import { encodeMetrics } from '@kiln/heartbeat/otlp.ts';
import type { MetricsStore } from './metrics-stores.ts';
import { until } from './until.ts';

/** The shipped timer's interval. */
const TICK_MS = 30_000;

/** What a unit was at one tick. Whatever is not told is as for a service of the list that runs. */
export interface UnitAt {
  subState?: string;
  active?: boolean;
  failed?: boolean;
  missing?: boolean;
  allowlisted?: boolean;
  restarts?: number;
  starts?: number;
  /** Seconds since 1970. */
  lastFailure?: number;
  timer?: { verdict: number; lastTrigger: number; interval: number; nextElapse?: number };
  /** The sub-state of the tick before, whose series ends here. Without it that series just stops. */
  ends?: string;
}

/** A made-up host: what each of its units was, by the number of the tick (0 the oldest) and its time in seconds; null when it was not there. */
export interface HostHistory {
  host: string;
  units: Readonly<Record<string, (tick: number, at: number) => UnitAt | null>>;
  /** Ticks it sent of those that are filled in. Default: all. */
  sent?: number;
}

/**
 * Sends to a store what hosts would have sent in the last `ticks` ticks, the newest of them just now, as the heartbeat encodes it.
 * Resolves when queries see all of it.
 */
export async function fillStore(store: MetricsStore, hosts: readonly HostHistory[], ticks: number): Promise<void> {
  const newest = Date.now() - 1000;
  const sent = new Map<MetricName, number>();
  for (let tick = 0; tick < ticks; tick++) {
    const at = newest - (ticks - 1 - tick) * TICK_MS;
    const samples = hosts.filter(({ sent = ticks }) => tick < sent).flatMap((host) => samplesOf(host, tick, at / 1000));
    await push(store, samples, at, newest - ticks * TICK_MS);
    for (const { metric, value } of samples) if (value !== null) sent.set(metric, (sent.get(metric) ?? 0) + 1);
  }
  // Samples of one push may become visible one after the other: those of each metric are counted.
  const series = `{host=~"${hosts.map(({ host }) => host).join('|')}"}[${(ticks + 10) * (TICK_MS / 1000)}s]`;
  for (const [metric, samples] of sent) {
    const seen = async () => (await store.query(`sum(count_over_time(${metric}${series}))`))[0]?.value;
    await until(`${samples} samples of ${metric} are seen`, async () => (await seen()) === samples);
  }
}

async function push(store: MetricsStore, samples: Sample[], at: number, countersSince: number): Promise<void> {
  const response = await fetch(store.otlpUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: Buffer.from(encodeMetrics(samples, { at, countersSince })),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${store.kind} answered ${response.status}: ${text}`);
}

/** What a host sends at one tick. `at`: seconds since 1970. */
export function samplesOf({ host, units }: HostHistory, tick: number, at: number): Sample[] {
  const samples: Sample[] = [
    { metric: 'systemd_heartbeat_last_success_timestamp_seconds', labels: { host }, value: at },
    { metric: 'systemd_heartbeat_duration_seconds', labels: { host }, value: 0.1 },
    { metric: 'systemd_host_boot_timestamp_seconds', labels: { host }, value: at - 86_400 - tick * (TICK_MS / 1000) },
  ];
  for (const [unit, of] of Object.entries(units)) {
    const now = of(tick, at);
    if (now) samples.push(...unitSamples(host, unit, now));
  }
  return samples;
}

function unitSamples(host: string, unit: string, now: UnitAt): Sample[] {
  const labels = { unit, host };
  const failed = now.failed ?? false;
  const subState = now.subState ?? 'running';
  const samples: Sample[] = [
    { metric: 'systemd_unit_active', labels: { ...labels, sub_state: subState }, value: Number(now.active ?? !failed) },
  ];
  const add = (metric: MetricName, value: number | undefined) => {
    if (value !== undefined) samples.push({ metric, labels, value });
  };
  if (now.ends)
    samples.push({ metric: 'systemd_unit_active', labels: { ...labels, sub_state: now.ends }, value: null });
  add('systemd_unit_failed', Number(failed));
  add('systemd_unit_missing', Number(now.missing ?? false));
  add('systemd_unit_masked', 0);
  add('systemd_unit_allowlisted', Number(now.allowlisted ?? true));
  add('systemd_unit_seconds_since_active', 60);
  add('systemd_unit_last_failure_timestamp_seconds', now.lastFailure);
  if (now.timer) {
    add('systemd_timer_verdict', now.timer.verdict);
    add('systemd_timer_last_trigger_timestamp_seconds', now.timer.lastTrigger);
    add('systemd_timer_next_elapse_timestamp_seconds', now.timer.nextElapse);
    add('systemd_timer_interval_seconds', now.timer.interval);
  } else {
    add('systemd_unit_restart_count_total', now.restarts ?? 0);
    add('systemd_unit_starts_total', now.starts ?? 1);
    add('systemd_unit_last_exit_status', failed ? 7 : 0);
    add('systemd_unit_last_exit_kind', failed ? 1 : 0);
    add('systemd_unit_result', failed ? 1 : 0);
  }
  return samples;
}

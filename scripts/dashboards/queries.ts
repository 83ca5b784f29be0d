import type { Query } from './panels.ts';

/** Labels of the hosts that are chosen at the top of the dashboard. */
export const HOST = 'host=~"$host"';
/** The same, and of the unit that a row is about. */
export const UNIT = 'host=~"$host", unit=~"$unit"';
/** Services that a timer of the same name starts. */
export const OF_TIMERS = 'label_replace(systemd_timer_verdict, "unit", "$1.service", "unit", "(.*)[.]timer")';

/** How much a counter grew in a window, for each host and unit. Never extrapolated. */
export function grown(counter: string, labels: string, window: string): string {
  return `max by (host, unit) (${counter}{${labels}} - min_over_time(${counter}{${labels}}[${window}]))`;
}

/** The newest values. */
export function now(expr: string, legend?: string): Query {
  return { expr, kind: 'instant', ...(legend ? { legend } : {}) };
}

/** Values over the shown time. */
export function over(expr: string, legend: string): Query {
  return { expr, kind: 'range', legend };
}

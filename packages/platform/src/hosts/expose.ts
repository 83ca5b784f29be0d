import { HOST_METRIC_KEYS, HOST_METRICS } from '@kiln/protocol/host-metrics.ts';
import type { Queryable } from '@kiln/store/database.ts';
import { type HostNow, isSilent, readHostsNow } from '@kiln/store/hosts/hosts.ts';

/** Of a host that is silent only this stays: its age is how an alert rule finds out. */
const STAYS = 'heartbeatAt';

/**
 * What the heartbeats told last, in the text format of Prometheus and under the same names, so that the same rules work whether
 * a store is pushed to or scrapes Kiln. A silent host drops out.
 */
export async function exposeHosts(sql: Queryable): Promise<string> {
  return exposition(await readHostsNow(sql), new Date());
}

/** The same of these hosts. */
export function exposition(hosts: readonly HostNow[], now: Date): string {
  const lines: string[] = [];
  for (const key of HOST_METRIC_KEYS) {
    const { name, type, of } = HOST_METRICS[key];
    const own: string[] = [];
    for (const host of hosts) {
      if (key !== STAYS && isSilent(host, now)) continue;
      const label = quoted(host.host);
      if (of === 'host') add(own, name, `host=${label}`, host.reading.host[key]);
      else {
        for (const [unit, figures] of Object.entries(host.reading.units)) {
          const sub = key === 'active' ? `,sub_state=${quoted(figures.sub)}` : '';
          add(own, name, `unit=${quoted(unit)}${sub},host=${label}`, figures[key]);
        }
      }
    }
    if (own.length > 0) lines.push(`# TYPE ${name} ${type}`, ...own);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function add(lines: string[], name: string, labels: string, value: number | undefined): void {
  if (value !== undefined) lines.push(`${name}{${labels}} ${value}`);
}

function quoted(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

import { overview } from './overview.ts';
import { layOut, type Panel } from './panels.ts';
import { HOST } from './queries.ts';
import { unitRow } from './unit-row.ts';

/**
 * The dashboard of hosts and their units, deploy/grafana/systemd.json. Its queries keep to what Prometheus and VictoriaMetrics both
 * have, end in one row for a host and a unit, and count by differences of samples, as the alerts do.
 */

/** The dashboard, as Grafana's API takes it. `uid` stays the same, so that importing it again replaces it. */
export function systemdDashboard(): Dashboard {
  return {
    id: null,
    uid: 'kiln-systemd',
    title: 'Hosts and their units',
    description: 'What kiln heartbeat says of systemd units: docs/alerts.md. Made by scripts/generate-dashboards.ts.',
    tags: ['kiln'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: variables() },
    panels: layOut([
      { title: 'All units', panels: overview() },
      { title: '$unit', repeat: 'unit', panels: unitRow() },
    ]),
  };
}

/** Grafana's JSON model, as far as this uses it. */
export interface Dashboard {
  uid: string;
  title: string;
  templating: { list: { name: string; query: string | { query: string } }[] };
  panels: Panel[];
  [key: string]: unknown;
}

function variables() {
  const common = { datasource: { type: 'prometheus', uid: '${datasource}' }, multi: true, includeAll: true, sort: 1 };
  const all = { current: { selected: true, text: ['All'], value: ['$__all'] } };
  // Read again with the shown time: a unit that left the list, or a host that is gone, has a row while it is in that time.
  const refresh = 2;
  return [
    { name: 'datasource', label: 'Metrics store', type: 'datasource', query: 'prometheus', current: {} },
    {
      ...common,
      ...all,
      name: 'host',
      label: 'Host',
      type: 'query',
      refresh,
      query: query('query_result(max by (host) (last_over_time(systemd_unit_allowlisted[$__range])))', 'hosts'),
      regex: '/host="([^"]+)"/',
    },
    {
      ...common,
      ...all,
      name: 'unit',
      label: 'Unit',
      type: 'query',
      refresh,
      query: query(
        `query_result(max by (unit) (last_over_time(systemd_unit_allowlisted{${HOST}}[$__range])) == 1)`,
        'units',
      ),
      regex: '/unit="([^"]+)"/',
    },
  ];
}

function query(expression: string, refId: string) {
  return { query: expression, refId };
}

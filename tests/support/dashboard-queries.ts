import { systemdDashboard } from '../../scripts/dashboards/systemd.ts';

/** A query of the dashboard, with the title of its panel. */
export interface PanelQuery {
  title: string;
  expr: string;
}

/** Every query of the dashboard, or those of one panel. */
export function panelQueries(panel?: string): PanelQuery[] {
  return systemdDashboard()
    .panels.flatMap(({ title, targets }) =>
      Array.isArray(targets) ? targets.map(({ expr }) => ({ title, expr: String(expr) })) : [],
    )
    .filter(({ title }) => panel === undefined || title === panel);
}

/** What a variable's values are read from. */
export function variableQuery(name: string): string {
  const variable = systemdDashboard().templating.list.find((each) => each.name === name);
  const query = typeof variable?.query === 'object' ? variable.query.query : '';
  const [, expression] = /^query_result\((.*)\)$/.exec(query) ?? [];
  if (!expression) throw new Error(`the variable ${name} is not read by query_result(…)`);
  return expression;
}

/** A query as Grafana sends it: of all hosts, an hour long, with bars of four minutes. */
export function filled(expr = '', unit = '.*'): string {
  const values = { $__rate_interval: '4m', $__range: '1h', $host: '.*', $unit: unit };
  return Object.entries(values).reduce((text, [name, value]) => text.replaceAll(name, value), expr);
}

import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Dashboard, systemdDashboard } from './dashboards/systemd.ts';

/**
 * Writes deploy/grafana/ from the metrics in use: `node scripts/generate-dashboards.ts`. A test fails while the files differ from
 * what this makes.
 */

const FOLDER = new URL('../deploy/grafana/', import.meta.url);

/** Every file of deploy/grafana by its name. */
export function dashboardFiles(): Map<string, string> {
  return new Map([['systemd.json', file(systemdDashboard())]]);
}

function file(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await mkdir(FOLDER, { recursive: true });
  for (const [name, text] of dashboardFiles()) await writeFile(new URL(name, FOLDER), text);
}

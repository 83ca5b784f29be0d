import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError, messageOf } from '../errors.ts';
import { CHECKOUT } from '../farm/location.ts';

/** A dashboard of Grafana's JSON model. */
export interface Dashboard {
  uid: string;
  title: string;
  [key: string]: unknown;
}

/** Where the shipped dashboards are. */
export const SHIPPED_DASHBOARDS = join(CHECKOUT, 'deploy', 'grafana');

/** The dashboards of a folder, by the names of their files. */
export async function readDashboards(folder: string): Promise<Dashboard[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new CliError(`no dashboards to import: ${messageOf(error)}`);
  });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  if (files.length === 0) throw new CliError(`there is no dashboard in ${folder}; a dashboard is a file *.json`);
  return await Promise.all(files.map(async (name) => await read(join(folder, name))));
}

async function read(file: string): Promise<Dashboard> {
  const text = await readFile(file, 'utf8');
  try {
    const dashboard: Dashboard = JSON.parse(text);
    // Without a uid every import would make another one.
    if (typeof dashboard.uid === 'string' && typeof dashboard.title === 'string') return { ...dashboard, id: null };
  } catch (error) {
    throw new CliError(`${file} is not JSON: ${messageOf(error)}`);
  }
  throw new CliError(`${file} is not a dashboard with a uid and a title; export it from Grafana as a dashboard model`);
}

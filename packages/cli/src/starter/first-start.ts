import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CHECKOUT } from '../farm/location.ts';
import { makeStarterFarm, type StarterFarm } from './starter-farm.ts';

/**
 * Prepares a data directory that was never used: the starter farm, unless there are recipes already or it is not
 * wanted, and a kiln.yaml with comments, last, so that a start that was cut off begins again. Null on later starts.
 */
export async function firstStart(dataDir: string, options: { starter: boolean }): Promise<StarterFarm | null> {
  const file = join(dataDir, 'kiln.yaml');
  const known = await stat(file).catch(() => null);
  if (known) return null;
  const wanted = options.starter && !(await hasForeignRecipes(dataDir));
  const farm = wanted ? await makeStarterFarm(dataDir) : { recipes: [], notes: [] };
  await mkdir(join(dataDir, 'recipes'), { recursive: true });
  await writeFile(`${file}.new`, template(hostname()));
  await rename(`${file}.new`, file);
  return farm;
}

/** Recipes without upstreams/ beside them were put there by somebody; with it, an earlier first start was cut off. */
async function hasForeignRecipes(dataDir: string): Promise<boolean> {
  const names = await readdir(dataDir);
  return names.includes('recipes') && !names.includes('upstreams');
}

function template(host: string): string {
  return `# yaml-language-server: $schema=${CHECKOUT}/docs/reference/config.schema.json
# Kiln's configuration. Each key can also be set by the environment: http.addr is KILN_HTTP_ADDR.
# All keys: docs/reference/config.md. Check this file with: npx kiln config check

# Name of this farm in /status, logs and metrics.
farm_id: ${JSON.stringify(host.slice(0, 63) || 'kiln')}

# Where the recipes are, one file each. After a change: kill -HUP $(cat run/kiln.pid)
recipes_dir: recipes

http:
  # The dashboard, the API and the webhooks. Without this line nothing listens; watching and building go on.
  addr: 127.0.0.1:10142
  # Behind a reverse proxy that serves Kiln under a sub-path:
  # base_path: /kiln
  # trust_proxy: true

agent:
  # How many jobs the agent on this machine runs at once.
  slots: 2
  # Labels that recipes can ask for with runs-on, beside those that Kiln gives (os:linux, arch:x64, host:NAME …).
  # labels: [fast-disk]

# Secrets of webhooks, each in a file of its own. A source without a secret is refused.
# webhooks:
#   github_secret_file: secrets/github
#   gitlab_token_file: secrets/gitlab

# A PostgreSQL of your own (15 or later) in place of the built-in one. Better given as KILN_DATABASE_URL.
# database:
#   url: postgres://kiln@db.example.com/kiln

log:
  level: info
`;
}

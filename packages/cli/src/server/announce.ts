import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedConfig } from '@kiln/service/config.ts';
import { identify } from '@kiln/store/data-dir.ts';
import { readReadyFile, removeReadyFile, writeReadyFile } from '../farm/ready-file.ts';
import { dashboardUrl, orchestratorUrl } from '../farm/urls.ts';
import type { Server } from './server.ts';

/**
 * Writes where a server without a supervisor is, so that the commands on its machine find it; where a whole farm or another
 * server runs on this data directory already, they keep finding that. Returns what takes the file back, unless it is another
 * server's by then.
 */
export async function announce(config: ResolvedConfig, server: Server): Promise<() => Promise<void>> {
  const other = await readReadyFile(config.dataDir);
  if (server.http === null || (other && (await isAnother(other.pid)))) return async () => {};
  await mkdir(join(config.dataDir, 'run'), { recursive: true, mode: 0o700 });
  await writeReadyFile(config.dataDir, {
    pid: process.pid,
    http: dashboardUrl(server.http, config.http.basePath),
    orchestrator: orchestratorUrl(server.orchestrator),
    agent: null,
    startedAt: new Date().toISOString(),
  });
  return async () => {
    if ((await readReadyFile(config.dataDir))?.pid === process.pid) await removeReadyFile(config.dataDir);
  };
}

async function isAnother(pid: number): Promise<boolean> {
  return pid !== process.pid && (await identify(pid)) !== null;
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedConfig } from '@kiln/service/config.ts';
import { readReadyFile, removeReadyFile, writeReadyFile } from '../farm/ready-file.ts';
import { dashboardUrl, orchestratorUrl } from '../farm/urls.ts';
import type { Server } from './server.ts';

/**
 * Writes where a server without a supervisor is, so that the commands on its machine find it. Returns what takes the file
 * back, unless it is another server's by then.
 */
export async function announce(config: ResolvedConfig, server: Server): Promise<() => Promise<void>> {
  if (server.http === null) return async () => {};
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

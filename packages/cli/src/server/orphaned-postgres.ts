import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Ends the built-in PostgreSQL of a supervisor that was killed: nobody else would until the next start. That start waits
 * for this process to end first, so the server in the pid file is the old one.
 */
export async function stopOrphanedPostgres(dataDir: string): Promise<void> {
  const cluster = join(dataDir, 'postgres', 'cluster');
  const [first] = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(first);
  if (!pid) return;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  // A fast shutdown: open transactions are rolled back.
  if (command.includes(cluster)) process.kill(pid, 'SIGINT');
}

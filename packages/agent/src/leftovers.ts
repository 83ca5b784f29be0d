import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { LostAttempt } from '@kiln/protocol/agent-messages.ts';
import { readRecords } from './job/attempt-record.ts';
import type { Trash } from './job/trash.ts';
import { killMarked } from './process/kill.ts';
import { TOKEN_NAME } from './process/process-tree.ts';
import type { ServiceLog } from './service-log.ts';

/** Attempts that an earlier process of this agent left behind. */
export interface Leftovers {
  lost: LostAttempt[];
  /** Forgets them: the orchestrator knows. */
  forget: () => void;
}

/**
 * Ends what an agent that was killed left running and removes what it left lying. The records stay until the
 * orchestrator was told, so that being killed once more in between loses nothing.
 */
export async function clearLeftovers(jobsDir: string, trash: Trash, log: ServiceLog): Promise<Leftovers> {
  await mkdir(jobsDir, { recursive: true, mode: 0o700 });
  const lost: LostAttempt[] = [];
  const folders: string[] = [];
  for (const { folder, record } of await readRecords(jobsDir)) {
    if (!record) {
      trash.add(folder);
      continue;
    }
    const { token, ...reference } = record;
    const killed = await killMarked(`${TOKEN_NAME}=${token}`);
    log.warn(
      { ...reference, killed, folder: basename(folder) },
      'job was left by an earlier agent, reporting it as lost',
    );
    lost.push(reference);
    folders.push(folder);
    for (const part of ['workspace', 'tmp', 'home']) trash.add(join(folder, part));
  }
  return {
    lost,
    forget: () => {
      for (const folder of folders.splice(0)) trash.add(folder);
      lost.length = 0;
    },
  };
}

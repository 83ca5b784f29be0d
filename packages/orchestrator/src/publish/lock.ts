import { withLimit } from '@kiln/service/with-limit.ts';
import type { Database } from '@kiln/store/database.ts';
import { isLockedInSession, lockInSession } from '@kiln/store/locks.ts';
import { openSingleConnection } from '@kiln/store/single-connection.ts';

/** How long the server may take to say whether the lock is held. */
const ANSWER_MS = 5_000;

/** Publishes of this process that wait for their turn, by repository: only the first of them holds a connection. */
const turns = new Map<string, Promise<unknown>>();

/**
 * Runs `work` as the only publisher of a repository, among all processes of the farm. `work` calls `stillHeld` before a
 * step that can't be taken back: it throws when the lock was lost with the connection, since another may be at work then.
 */
export async function withRepositoryLock<T>(
  db: Database,
  repository: string,
  work: (stillHeld: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const before = turns.get(repository) ?? Promise.resolve();
  const mine = before.then(async () => await lockAndRun(db, repository, work));
  const settled = mine.then(
    () => undefined,
    () => undefined,
  );
  turns.set(repository, settled);
  try {
    return await mine;
  } finally {
    if (turns.get(repository) === settled) turns.delete(repository);
  }
}

async function lockAndRun<T>(
  db: Database,
  repository: string,
  work: (stillHeld: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const connection = openSingleConnection(db);
  try {
    await lockInSession(connection, 'repository', repository);
    return await work(async () => {
      if (!(await isHeld(connection, repository)))
        throw new Error(`the lock of repository ${repository} was lost; publishing starts again`);
    });
  } finally {
    // The lock ends with its session.
    await connection.end({ timeout: 2 });
  }
}

async function isHeld(connection: Database, repository: string): Promise<boolean> {
  try {
    // A question that comes just as the connection ends may never be answered.
    return await withLimit(
      ANSWER_MS,
      'no answer',
      async () => await isLockedInSession(connection, 'repository', repository),
    );
  } catch {
    // A server that can't be asked ended the session, and the lock with it, or is about to.
    return false;
  }
}

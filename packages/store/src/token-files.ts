import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FarmContext } from './context.ts';
import { type CredentialKind, hashToken, randomToken } from './credentials.ts';
import type { Database } from './database.ts';

/** A token kept in a file under the data directory, so that programs on the same machine find it by themselves. */
export interface TokenFile {
  path: string;
  /** Whether this call made the file. */
  created: boolean;
}

/** What a token file needs of its farm. */
type Farm = Pick<FarmContext, 'db' | 'log'> & { config: { dataDir: string } };

/** Shorter ones could be guessed. */
const SHORTEST = 16;

/**
 * `admin-token` under the data directory opens everything; the CLI reads it. Made on first start. Its content may be
 * changed by hand: the old token and the sessions end, the new one holds (`watchTokenFiles` looks again by itself).
 */
export async function ensureAdminToken(farm: Farm): Promise<TokenFile> {
  return await ensureTokenFile(farm, 'admin');
}

/** `join-token` under the data directory lets an agent enrol. Handled like the admin token. */
export async function ensureJoinToken(farm: Farm): Promise<TokenFile> {
  return await ensureTokenFile(farm, 'join');
}

/** Looks every few seconds whether the token files were changed, until the farm stops. */
export function watchTokenFiles(context: FarmContext): void {
  const seen = new Map<string, number>();
  context.lifecycle.loop('token files', { everyMs: 5000 }, async () => {
    for (const kind of ['admin', 'join'] as const) {
      const path = tokenPath(context, kind);
      const changed = (await modified(path)) ?? 0;
      if (changed === seen.get(path)) continue;
      await ensureTokenFile(context, kind);
      seen.set(path, (await modified(path)) ?? 0);
    }
  });
}

function tokenPath(farm: Farm, kind: CredentialKind): string {
  return join(farm.config.dataDir, `${kind}-token`);
}

async function modified(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function ensureTokenFile(farm: Farm, kind: 'admin' | 'join'): Promise<TokenFile> {
  const path = tokenPath(farm, kind);
  const created = (await modified(path)) === null && (await createFile(farm.config.dataDir, path));
  const token = (await readFile(path, 'utf8')).trim();
  if (token.length < SHORTEST) {
    throw new Error(
      `${path} has ${token.length} characters; remove it and a good token is made, or put at least ${SHORTEST} into it`,
    );
  }
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    farm.log.warn({ path, mode: (mode & 0o777).toString(8) }, 'token file was open to others, closing it');
    await chmod(path, 0o600);
  }
  const replaced = await ensureCredential(farm.db, kind, token, !created);
  if (replaced > 0) farm.log.info({ path, revoked: replaced }, 'token replaced');
  return { path, created };
}

/** Makes the file whole or not at all; of two processes at once the first one's token stays. */
async function createFile(folder: string, path: string): Promise<boolean> {
  await mkdir(folder, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${randomToken()}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Makes the token of the file valid. `replaces`: an unknown one ends the earlier ones and, for admin, their sessions. Returns how many ended. */
async function ensureCredential(db: Database, kind: string, token: string, replaces: boolean): Promise<number> {
  const hash = hashToken(token);
  return await db.begin(async (sql) => {
    const [known] = await sql<{ kind: string }[]>`SELECT kind FROM credentials WHERE hash = ${hash}`;
    if (known && known.kind !== kind) {
      throw new Error(`the ${kind} token is in use as a token of kind ${known.kind}; each needs a value of its own`);
    }
    await sql`
      INSERT INTO credentials (credential_id, kind, hash, subject) VALUES (${randomUUID()}, ${kind}, ${hash}, ${kind})
      ON CONFLICT (hash) DO UPDATE SET revoked_at = NULL`;
    if (known || !replaces) return 0;
    const ended = await sql`
      UPDATE credentials SET revoked_at = now()
      WHERE revoked_at IS NULL AND hash <> ${hash} AND subject = ${kind}
        AND kind = ANY (${kind === 'admin' ? ['admin', 'session', 'signin'] : [kind]}::text[])`;
    return ended.count;
  });
}

import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@kiln/service/log.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findCredential, issueCredential } from './credentials.ts';
import { testDatabase } from './testing.ts';
import { ensureAdminToken, ensureJoinToken } from './token-files.ts';

let t: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
const lines: string[] = [];
const log = createLogger({
  level: 'info',
  format: 'json',
  service: 'test',
  instance: 'test',
  destination: { write: (line) => void lines.push(line) },
});
const farm = () => ({ db: t.db, log, config: { dataDir } });
const content = async (path: string) => (await readFile(path, 'utf8')).trim();

beforeEach(async () => {
  t = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'kiln-tokens-'));
});
afterEach(async () => {
  await t.drop();
  await rm(dataDir, { recursive: true });
});

it('makes a token on first start, for the owner only, and keeps it after', async () => {
  const first = await ensureAdminToken(farm());
  expect(first.created).toBe(true);
  expect((await stat(first.path)).mode & 0o777).toBe(0o600);
  const token = await content(first.path);
  expect(await findCredential(t.db, 'admin', token)).toMatchObject({ subject: 'admin' });
  expect(await ensureAdminToken(farm())).toMatchObject({ created: false });
  expect(await content(first.path)).toBe(token);
});

it('makes one token when two processes start at once', async () => {
  const made = await Promise.all([ensureJoinToken(farm()), ensureJoinToken(farm()), ensureJoinToken(farm())]);
  expect(made.filter((file) => file.created)).toHaveLength(1);
  expect(await findCredential(t.db, 'join', await content(made[0].path))).not.toBeNull();
});

it('lets a changed file end the old token and the sessions', async () => {
  const { path } = await ensureAdminToken(farm());
  const old = await content(path);
  const session = await issueCredential(t.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 });
  await writeFile(path, 'correct-horse-battery-staple\n');
  await ensureAdminToken(farm());
  expect(await findCredential(t.db, 'admin', 'correct-horse-battery-staple')).not.toBeNull();
  expect(await findCredential(t.db, 'admin', old)).toBeNull();
  expect(await findCredential(t.db, 'session', session.token)).toBeNull();
});

it('closes a file that others can read, and says so', async () => {
  const { path } = await ensureAdminToken(farm());
  await chmod(path, 0o644);
  await ensureAdminToken(farm());
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(lines.join('')).toContain('token file was open to others');
  expect(lines.join('')).not.toContain(await content(path));
});

it('refuses a token that could be guessed', async () => {
  await writeFile(join(dataDir, 'admin-token'), 'admin\n', { mode: 0o600 });
  await expect(ensureAdminToken(farm())).rejects.toThrow(/admin-token has 5 characters/);
});

it('refuses one value for two purposes', async () => {
  const { path } = await ensureAdminToken(farm());
  await writeFile(join(dataDir, 'join-token'), await content(path), { mode: 0o600 });
  await expect(ensureJoinToken(farm())).rejects.toThrow(/in use as a token of kind admin/);
});

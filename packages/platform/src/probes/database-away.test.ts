import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@kiln/store/database.ts';
import { startEmbedded } from '@kiln/store/embedded.ts';
import { migrate } from '@kiln/store/migrate.ts';
import { expect, it } from 'vitest';
import { startTestPlatform } from '../testing.ts';

it('stays alive while the database is away, accepts nothing, and goes on when it is back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-away-'));
  const server = await startEmbedded(folder);
  const db = openDatabase(server.address, { name: 'test' });
  await migrate(db);
  const p = await startTestPlatform(db);
  const secret = join(p.dataDir, 'secret');
  await writeFile(secret, 's3cret');
  p.context.config.webhooks.githubSecretFile = secret;
  const body = '{"ref":"refs/heads/main"}';
  const hook = async () =>
    await fetch(`${p.url}/webhooks/github`, {
      method: 'POST',
      headers: { 'x-hub-signature-256': `sha256=${createHmac('sha256', 's3cret').update(body).digest('hex')}` },
      body,
    });
  const code = async (path: string) => (await p.ask(path)).status;
  expect((await hook()).status).toBe(200);

  await server.stop();
  expect(await code('/health')).toBe(200);
  expect(await code('/healthz')).toBe(200);
  expect(await code('/metrics')).toBe(200);
  expect(await code('/')).toBe(200);
  const ready = await p.ask('/api/runtime/readiness');
  expect([ready.status, await ready.json()]).toMatchObject([503, { reason: 'database_unavailable' }]);
  expect(await code('/ready')).toBe(503);
  const refused = await hook();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await refused.json()).toMatchObject({ error: { code: 'database_unavailable' } });
  expect(await code('/api/overview')).toBe(503);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await code('/status')).toBe(503);

  const again = await startEmbedded(folder, { port: server.address.port });
  await expect.poll(async () => (await hook()).status, { timeout: 20_000 }).toBe(200);
  // Each connection of the pool comes back by itself, the last one within a second or so.
  await expect.poll(async () => await code('/status'), { timeout: 10_000 }).toBe(200);
  expect(await readFile(secret, 'utf8')).toBe('s3cret');
  await p.stop();
  await db.end({ timeout: 1 });
  await again.stop();
  await rm(folder, { recursive: true, force: true });
});

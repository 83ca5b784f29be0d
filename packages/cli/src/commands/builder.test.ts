import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type TestPlatform, testPlatform } from '@kiln/platform/testing.ts';
import { findCredential } from '@kiln/store/credentials.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
let platform: TestPlatform;

beforeAll(async () => {
  platform = await testPlatform();
});
afterAll(async () => await platform.stop());

async function builder(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, KILN_TOKEN: platform.adminToken, KILN_URL: platform.url };
  return await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'builder', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

test('a builder gets a token, another one in its place, and loses it', async () => {
  expect(await builder('list')).toMatchObject({ code: 0, stdout: expect.stringContaining('No builder has a token') });
  const first = (await builder('token', 'builder-1')).stdout.trim();
  expect(await findCredential(platform.db, 'builder', first)).toMatchObject({ subject: 'builder-1' });
  const second = await builder('token', 'builder-1');
  expect(second.stderr).toContain('the earlier token of builder-1 ended');
  expect(await findCredential(platform.db, 'builder', first)).toBeNull();
  expect((await builder('list')).stdout).toMatch(/^BUILDER +TOKEN MADE\nbuilder-1 +/);
  expect(JSON.parse((await builder('list', '--json')).stdout).builders).toMatchObject([{ name: 'builder-1' }]);
  expect(await builder('revoke', 'builder-1')).toMatchObject({ code: 0, stdout: 'the token of builder-1 ended\n' });
  expect(await findCredential(platform.db, 'builder', second.stdout.trim())).toBeNull();
  expect(await builder('revoke', 'builder-1')).toMatchObject({ code: 1 });
  expect(await builder('token', 'no/name')).toMatchObject({ code: 1, stdout: '' });
});

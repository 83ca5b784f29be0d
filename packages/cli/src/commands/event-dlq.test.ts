import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type TestPlatform, testPlatform } from '@kiln/platform/testing.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { getEvent, insertEvent } from '@kiln/store/events.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
let platform: TestPlatform;

beforeAll(async () => {
  platform = await testPlatform();
});
afterAll(async () => await platform.stop());

async function dlq(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, KILN_TOKEN: platform.adminToken, KILN_URL: platform.url };
  return await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'event-dlq', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

async function deadLetter(deliveryId: string): Promise<string> {
  const event = { source: 'github', deliveryId, name: 'webhook.push', routingKey: 'github:42', payload: {} } as const;
  const { eventId } = await insertEvent(platform.db, event);
  await platform.db`
    UPDATE events SET status = 'dead', attempts = 5, dlq_at = clock_timestamp(), dlq_reason = 'failed 5 attempts',
      last_error = ${`no luck with ${deliveryId}`} WHERE event_id = ${eventId}`;
  return eventId;
}

test('dead letters are listed, counted, retried and discarded', async () => {
  expect(await dlq('list')).toMatchObject({ code: 0, stdout: 'There are none.\n' });
  const [first, second, third] = [await deadLetter('a'), await deadLetter('b'), await deadLetter('c')];
  expect(await dlq('count')).toEqual({ code: 0, stdout: '3\n', stderr: '' });

  const page = await dlq('list', '--limit', '2');
  const lines = page.stdout.split('\n');
  expect(lines[1]).toMatch(new RegExp(`^${third} +webhook.push +github:42 +5 .*failed 5 attempts +no luck with c$`));
  expect(lines[3]).toBe(`3 in all; the next ones: kiln event-dlq list --before ${second}`);
  const rest = JSON.parse((await dlq('list', '--before', second, '--json')).stdout);
  expect(rest.events).toMatchObject([
    { eventId: first, name: 'webhook.push', attempts: 5, lastError: 'no luck with a' },
  ]);

  let told = 0;
  platform.bus.subscribe(SUBJECTS.event, () => told++);
  expect((await dlq('retry', first)).stdout).toContain(`${first} is tried again; its story: kiln trace `);
  expect(told).toBe(1);
  expect(await getEvent(platform.db, first)).toMatchObject({ status: 'pending', attempts: 0 });
  expect(await dlq('retry', first)).toMatchObject({ code: 1 });

  expect(await dlq('discard', second)).toEqual({ code: 0, stdout: `${second} is discarded\n`, stderr: '' });
  const again = await dlq('discard', second);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain(second);
  expect((await dlq('count')).stdout).toBe('1\n');
});

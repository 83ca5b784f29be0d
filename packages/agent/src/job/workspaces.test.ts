import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { readRecords } from './attempt-record.ts';
import { Trash } from './trash.ts';
import type { Workspace } from './workspace.ts';
import { Workspaces } from './workspaces.ts';

const jobs = mkdtempSync(join(tmpdir(), 'kiln-workspaces-'));
afterAll(() => rmSync(jobs, { recursive: true, force: true }));

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
let workspaces: Workspaces;
beforeEach(() => {
  workspaces = new Workspaces(jobs, new Trash(log), log);
});

const record = () => ({ jobId: randomUUID(), attempt: 1, fence: 7, token: 'a'.repeat(32) });

async function open(): Promise<Workspace> {
  const workspace = workspaces.take();
  await workspaces.open(workspace, record());
  return workspace;
}

test('folders that a job left as it found them are taken by the next one, with nothing of the first in them', async () => {
  const first = await open();
  first.script('echo a secret that is long; exit 1');
  workspaces.giveBack(first);
  expect(await readRecords(jobs)).toEqual([{ folder: first.folder, record: null }]);
  const second = workspaces.take();
  const attempt = record();
  await workspaces.open(second, attempt);
  expect(second.folder).toBe(first.folder);
  expect(await readRecords(jobs)).toEqual([{ folder: first.folder, record: attempt }]);
  expect(readFileSync(second.script('true'), 'utf8')).toBe('true\n');
});

test.each([
  'touch workspace/file',
  'touch home/.profile',
  'mkdir tmp/x',
  'touch more',
  'chmod 755 home',
  'chmod 1700 tmp',
  'rmdir tmp',
  'rmdir tmp; ln -s / tmp',
  'rm attempt.json; ln -s /etc/hostname attempt.json',
  'chmod 000 .',
  'mkdir workspace/a; touch workspace/a/b; chmod 500 workspace/a workspace',
])('after "%s" they are removed', async (trace) => {
  const used = await open();
  execFileSync('sh', ['-c', trace], { cwd: used.folder });
  workspaces.giveBack(used);
  const next = await open();
  expect(next.folder).not.toBe(used.folder);
  expect([next.work, next.home, next.tmp].flatMap((folder) => readdirSync(folder))).toEqual([]);
  await expect.poll(() => existsSync(used.folder), { timeout: 25_000 }).toBe(false);
  expect(readFileSync('/etc/hostname', 'utf8')).not.toContain('{');
});

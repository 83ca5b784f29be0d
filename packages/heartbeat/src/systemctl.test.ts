import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Systemctl } from './systemctl.ts';

/* A systemctl that misbehaves as no healthy systemd does. What a healthy one says is tested with a booted one. */
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-systemctl-'));
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

async function pretend(script: string): Promise<Systemctl> {
  const file = join(folder, 'systemctl');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return new Systemctl({ PATH: `${folder}:${process.env.PATH}` }, 300);
}

test('one that hangs is ended, and said to hang', async () => {
  const systemctl = await pretend('exec sleep 60');
  await expect(systemctl.failed()).rejects.toThrow(
    'systemctl list-units took longer than 0.3 s; systemd or its bus hangs',
  );
});

test('its own words are passed on, in one line', async () => {
  const systemctl = await pretend('echo "Failed to connect to bus: Host is down" >&2; echo "Try again" >&2; exit 1');
  await expect(systemctl.show(['a.service'], ['Id'])).rejects.toThrow(
    'systemctl show failed: Failed to connect to bus: Host is down; Try again',
  );
});

test('an answer that lacks a unit is not guessed at', async () => {
  const systemctl = await pretend('printf "Id=a.service\\n"');
  await expect(systemctl.show(['a.service', 'b.service'], ['Id'])).rejects.toThrow(
    'systemctl show described 1 of 2 units; its answer was not used',
  );
});

test('marks, missing systemctl, no units', async () => {
  const systemctl = await pretend(
    'echo "● a.service loaded failed failed A service"; echo; echo "b.timer not-found x"',
  );
  expect(await systemctl.failed()).toEqual([
    { name: 'a.service', loadState: 'loaded' },
    { name: 'b.timer', loadState: 'not-found' },
  ]);
  expect(await systemctl.show([], ['Id'])).toEqual(new Map());
  await expect(new Systemctl({ PATH: '/nowhere' }).failed()).rejects.toThrow('there is no systemctl in PATH');
});

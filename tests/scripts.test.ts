import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKOUT } from '../packages/cli/src/farm/location.ts';

/** Whatever Node.js is installed beside the pinned one, else that. */
const INSTALLED = existsSync('/usr/bin/node') ? '/usr/bin/node' : process.execPath;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-scripts-'));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function script(name: string, args: string[]): Promise<Outcome> {
  return await new Promise((resolve) => {
    execFile(INSTALLED, [join(CHECKOUT, 'scripts', name), ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

describe('npm start', () => {
  test('hands its arguments, the output and the exit code through', async () => {
    // The first one builds the dashboard when it is missing; what counts is the second.
    await script('start.mjs', ['--help']);
    const help = await script('start.mjs', ['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^Usage: kiln up \[options\]/);
    expect(await script('start.mjs', ['--port', 'high'])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe("the agent's own package", () => {
  test('is whole: whatever its files import is in it', async () => {
    const out = join(folder, 'out');
    expect(await script('pack-agent.mjs', ['--version', '9.8.7', '--out', out])).toMatchObject({ code: 0, stderr: '' });
    execFileSync('tar', ['-xzf', join(out, 'kiln-agent-9.8.7.tar.gz'), '-C', folder]);
    const check = await script('pack-agent.mjs', ['--check', join(folder, 'kiln-agent-9.8.7')]);
    expect(check).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/checked \d{2,} files, 0 errors/),
    });
    const manifest = await readFile(join(folder, 'kiln-agent-9.8.7', 'packages', 'cli', 'package.json'), 'utf8');
    expect(manifest).not.toContain('@kiln/orchestrator');
    expect(await readdir(join(folder, 'kiln-agent-9.8.7', 'packages'))).toEqual([
      'agent',
      'cli',
      'protocol',
      'service',
      'store',
    ]);
  });

  test('a file that is missing is named, with who imports it', async () => {
    const unpacked = join(folder, 'kiln-agent-9.8.7');
    await rm(join(unpacked, 'packages', 'agent', 'src', 'agent.ts'));
    const check = await script('pack-agent.mjs', ['--check', unpacked]);
    expect(check.code).toBe(1);
    expect(check.stderr).toMatch(/error: imports @kiln\/agent\/agent\.ts, which is not in the package/);
  });

  test('the same time gives the same bytes', async () => {
    const pack = async (name: string): Promise<Buffer> => {
      const out = join(folder, name);
      execFileSync(INSTALLED, [join(CHECKOUT, 'scripts', 'pack-agent.mjs'), '--version', '1', '--out', out], {
        env: { PATH: process.env.PATH, SOURCE_DATE_EPOCH: '1700000000' },
      });
      return await readFile(join(out, 'kiln-agent-1.tar.gz'));
    };
    expect((await pack('one')).equals(await pack('two'))).toBe(true);
  });
});

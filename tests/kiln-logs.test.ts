import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogLine, RunDetail } from '@kiln/protocol/api.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Farm, startFarm } from './support/farm.ts';

const KILN = new URL('../packages/cli/bin/kiln.mjs', import.meta.url).pathname;
const LINES = 20_000;

let farm: Farm;
let done: RunDetail;
/** A job of recipe slow goes on when this file is there. */
const go = join(tmpdir(), `kiln-go-${randomUUID()}`);
beforeAll(async () => {
  farm = await startFarm({
    recipes: {
      'loud.yaml': `phases:\n  - name: fetch\n    steps: ['echo fetching', 'printf "\\033[32mgreen\\033[0m\\n"']\n  - name: build\n    steps: ['seq 1 ${LINES}', 'echo "warning: careful"', 'echo "error: it broke"', 'echo bye']\n`,
      'slow.yaml': `steps: ['seq -f "slow %g" 1 5; until [ -e ${go} ]; do sleep 0.1; done; for i in $(seq 6 60); do echo "slow $i"; sleep 0.05; done']\n`,
      'two.yaml': `jobs:\n  one:\n    steps: ['seq 1 100000', 'echo first']\n  two:\n    needs: [one]\n    steps: ['echo second']\n`,
    },
  });
  done = await farm.finished((await farm.start('loud', '1')).runs[0] ?? '');
});
afterAll(async () => {
  await farm.remove();
  await rm(go, { force: true });
});

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command, in a pipe to `shell` when that is given; `heard` is called with all that it printed so far. */
const kiln = async (args: string[], shell?: string, heard = (_: string): void => {}): Promise<Outcome> => {
  const env = { PATH: process.env.PATH, KILN_DATA: farm.data };
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  const child = shell
    ? spawn('bash', ['-c', `set -o pipefail; "$0" "$@" | ${shell}`, process.execPath, KILN, ...args], { env, stdio })
    : spawn(process.execPath, [KILN, ...args], { env, stdio });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard(stdout);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return await new Promise((settle) => child.on('close', (code) => settle({ code, stdout, stderr })));
};

describe('kiln logs', () => {
  test('prints the whole log into a pipe, by run, by job and by recipe', async () => {
    const whole = await kiln(['logs', done.runId]);
    expect(whole.code).toBe(0);
    const lines = whole.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(done.jobList[0]?.attempts[0]?.lines ?? 0);
    expect(lines).toContain('\u001b[32mgreen\u001b[0m');
    for (const name of [done.runId.slice(0, 8), done.jobList[0]?.jobId ?? '', 'loud', 'loud@1']) {
      expect(await kiln(['logs', name])).toEqual(whole);
    }
    expect((await kiln(['logs', 'loud', '--no-color'])).stdout).toContain('\ngreen\n');
  });

  test('prints the lines that pass', async () => {
    expect((await kiln(['logs', 'loud', '--level', 'warn'])).stdout).toBe('warning: careful\nerror: it broke\n');
    expect((await kiln(['logs', 'loud', '--phase', 'fetch'])).stdout).not.toContain('bye');
    expect((await kiln(['logs', 'loud', '--component', 'output', '--tail', '2'])).stdout).toBe(
      'error: it broke\nbye\n',
    );
    expect((await kiln(['logs', 'loud', '--tail', '3'])).stdout.trimEnd().split('\n')).toHaveLength(3);
    expect((await kiln(['logs', 'loud', '--tail', '6000'])).stdout.trimEnd().split('\n')).toHaveLength(6000);
    expect((await kiln(['logs', 'loud', '--until', '2020-01-01'])).stdout).toBe('');
    expect((await kiln(['logs', 'loud', '--since', '1h', '--level', 'error'])).stdout).toBe('error: it broke\n');
  });

  test('prints JSON lines', async () => {
    const { stdout } = await kiln(['logs', 'loud', '--json']);
    const lines: LogLine[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ line }) => line)).toEqual(Array.from({ length: lines.length }, (_, n) => n + 1));
    expect(lines.at(-1)).toMatchObject({ level: 'INFO', component: 'kiln' });
  });

  test('searches as grep does, also when there is more than one search sends', async () => {
    expect(await kiln(['logs', 'loud', '--grep', '^1999[89]$', '-C', '1'])).toMatchObject({
      code: 0,
      stdout: '19997\n19998\n19999\n20000\n',
    });
    const apart = await kiln(['logs', 'loud', '--grep', '^(100|200)$', '-C', '1']);
    expect(apart.stdout).toBe('99\n100\n101\n--\n199\n200\n201\n');
    const many = await kiln(['logs', 'loud', '--grep', '^\\d+$']);
    expect(many.stdout.trimEnd().split('\n')).toEqual(Array.from({ length: LINES }, (_, n) => String(n + 1)));
    expect((await kiln(['logs', 'loud', '--grep', '^.*CAREFUL$', '-i'])).stdout).toBe('warning: careful\n');
    expect(await kiln(['logs', 'loud', '--grep', 'CAREFUL'])).toEqual({ code: 1, stdout: '', stderr: '' });
    const wrong = await kiln(['logs', 'loud', '--grep', '(']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('Unterminated group')]);
  });

  test('says what to do instead', async () => {
    expect(await kiln(['logs', 'platform'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('journalctl -u kiln-platform'),
    });
    const cases: [string[], number, string][] = [
      [['logs', 'nothing'], 1, 'kiln runs shows'],
      [['logs', 'loud', '--phase', 'test'], 1, 'there are fetch, build'],
      [['logs', 'two', '--job', 'three'], 1, 'no recipe that ran'],
      [['logs', 'loud', '--job', 'three'], 1, 'there are build'],
      [['logs', 'loud', '--attempt', '9'], 1, 'no attempt 9'],
      [['logs', 'loud', '--level', 'loud'], 2, 'DEBUG'],
      [['logs', 'loud', '--since', 'yesterday'], 2, '10m'],
      [['logs', 'loud', '-C', '2'], 2, '--grep'],
    ];
    for (const [args, code, words] of cases) {
      const outcome = await kiln(args);
      expect([args, outcome.code, outcome.stderr]).toEqual([args, code, expect.stringContaining(words)]);
    }
  });

  test('ends quietly when its reader does', async () => {
    expect(await kiln(['logs', 'loud'], 'head -n 2')).toMatchObject({ code: 141, stderr: '' });
  });

  test('follows the jobs of a run one after the other, each line with the name of its job', async () => {
    const [runId = ''] = (await farm.start('two', '1')).runs;
    const { code, stdout } = await kiln(['logs', runId, '-f']);
    expect(code).toBe(0);
    expect(stdout.indexOf('one │ first\n')).toBeGreaterThan(0);
    expect(stdout.indexOf('two │ second\n')).toBeGreaterThan(stdout.indexOf('one │ first\n'));
    const read = await kiln(['logs', runId]);
    expect(stdout).toBe(read.stdout);
    // Also when all of it was written before.
    expect(await kiln(['logs', runId, '-f'])).toEqual(read);
  });

  test('follows without a gap or a repeat through the death of the server', async () => {
    const [runId = ''] = (await farm.start('slow', '1')).runs;
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const following = kiln(['logs', runId, '-f'], undefined, (text) => {
      if (text.includes('slow 5\n')) first.resolve();
    });
    const filtered = kiln(['logs', runId, '-f', '--grep', 'slow [0-9]*5$', '--phase', 'build'], undefined, (text) => {
      if (text.includes('slow 5\n')) second.resolve();
    });
    await Promise.all([first.promise, second.promise]);
    await writeFile(go, '');
    process.kill(await serverOf(farm), 'SIGKILL');
    const { code, stdout } = await following;
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => /^slow \d+$/.test(line))).toEqual(
      Array.from({ length: 60 }, (_, n) => `slow ${n + 1}`),
    );
    expect(stdout).toBe((await kiln(['logs', runId])).stdout);
    expect((await filtered).stdout).toBe([5, 15, 25, 35, 45, 55].map((n) => `slow ${n}\n`).join(''));
  });
});

/** The pid of the server process below the supervisor. */
async function serverOf({ supervisor: { pid } }: Farm): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  for (const child of children) {
    const command = (await readFile(join('/proc', child, 'cmdline'), 'utf8')).split('\0');
    if (command.includes('server')) return Number(child);
  }
  throw new Error(`the supervisor ${pid} has no server`);
}

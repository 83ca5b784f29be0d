import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from './config.ts';

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kiln-forges-'));
});
afterAll(async () => await rm(dataDir, { recursive: true }));

async function load(forges: string) {
  await writeFile(join(dataDir, 'kiln.yaml'), `forges:\n${forges}`);
  return (await loadConfig({ dataDir, env: {} })).forges;
}
async function complaint(forges: string): Promise<string> {
  return await load(forges).then(
    () => 'accepted',
    (error: Error) => error.message.replaceAll(`${dataDir}/`, ''),
  );
}

test('each kind has its API by default, and a token file is seen from the folder of the configuration', async () => {
  const forges = await load(`
  - { kind: github, url: https://github.com/, token_file: token }
  - { kind: github, url: https://github.example, token_file: /s/token, report: check-run }
  - { kind: gitea, url: 'http://forge.example:3000/git', token_file: t, ssh_host: ssh.forge.example }
  - { kind: gitlab, url: https://gitlab.com, token_file: t }
  - { kind: gitlab, url: https://gitlab.example, token_file: t, api: http://127.0.0.1:8080/api/v4/ }
`);
  expect(forges.map(({ api }) => api)).toEqual([
    'https://api.github.com',
    'https://github.example/api/v3',
    'http://forge.example:3000/git/api/v1',
    'https://gitlab.com/api/v4',
    'http://127.0.0.1:8080/api/v4',
  ]);
  expect(forges.slice(0, 3)).toMatchObject([
    { kind: 'github', url: 'https://github.com', tokenFile: join(dataDir, 'token'), report: 'status', sshHost: null },
    { tokenFile: '/s/token', report: 'check-run' },
    { sshHost: 'ssh.forge.example' },
  ]);
});

test('mistakes are named by file and line', async () => {
  const good = '  - { kind: github, url: https://github.com, token_file: t }\n';
  expect(await complaint(`${good}  - { kind: svn, url: https://h, token_file: t }\n`)).toMatch(
    /^kiln\.yaml:3: forges\[1\]\.kind must be one of github, gitea, gitlab, not "svn"/,
  );
  expect(await complaint('  - kind: github\n    url: https://h\n')).toBe(
    'kiln.yaml:2: forges[0] needs the key "token_file"',
  );
  expect(await complaint('  - kind: github\n    url: git@github.com\n    token_file: t\n')).toMatch(
    /^kiln\.yaml:3: forges\[0\]\.url must be text \(address that begins with https/,
  );
  expect(await complaint('  - kind: gitea\n    url: https://h\n    token_file: t\n    report: check-run\n')).toBe(
    'kiln.yaml:5: forges[0].report: only github has check runs; leave it out for gitea',
  );
  expect(await complaint(`${good}${good}`)).toBe(
    'kiln.yaml:3: forges[1].url: https://github.com is there twice; keep one of the two',
  );
  expect(await complaint('  - { kind: github, url: "https://h:99999", token_file: t }\n')).toBe(
    'kiln.yaml:2: forges[0].url: "https://h:99999" is not an address; check its host and port',
  );
});

test('a password in an address is refused, and in the variable a list is JSON', async () => {
  expect(await complaint('  - { kind: gitea, url: "https://u:geheim@h", token_file: t }\n')).toBe(
    'kiln.yaml:2: forges[0].url: "https://u:***@h" has a user in it; name a token_file instead',
  );
  const env = { KILN_FORGES: 'github' };
  await expect(loadConfig({ dataDir: '/nonexistent', env })).rejects.toThrow(/^KILN_FORGES: forges must be a list/);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GitRepository } from '../../../../tests/support/git-repository.ts';
import { type GitServer, startGitServer } from '../../../../tests/support/git-server.ts';
import { until } from '../../../../tests/support/until.ts';
import { defaultBranch, listTags, parseTags } from './refs.ts';

let root: string;
let server: GitServer;
let repository: GitRepository;
const limits = () => ({ timeoutMs: 60_000, signal: new AbortController().signal });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-refs-'));
  server = await startGitServer(root);
  repository = await GitRepository.withTags(root, 'owner/tool', ['v1.0', '@v1.1']);
});
afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});

test('tags come with the commits that they name, annotated ones too', async () => {
  expect(await listTags(server.url('owner/tool'), limits())).toEqual([
    { tag: 'v1.0', commit: await repository.resolve('v1.0') },
    { tag: 'v1.1', commit: await repository.resolve('v1.1') },
  ]);
});

test('a folder is an upstream as well', async () => {
  expect(await listTags(repository.path, limits())).toHaveLength(2);
});

test('the branch that is offered first', async () => {
  const commit = await repository.resolve('main');
  expect(await defaultBranch(server.url('owner/tool'), limits())).toEqual({ ref: 'refs/heads/main', commit });
});

test('an upstream without a commit has no branch to build', async () => {
  await GitRepository.create(root, 'empty');
  expect(await listTags(server.url('empty'), limits())).toEqual([]);
  await expect(defaultBranch(server.url('empty'), limits())).rejects.toThrow('has no commit to build yet');
});

test('odd names of tags', () => {
  const [a, b] = ['a'.repeat(40), 'b'.repeat(64)];
  expect(parseTags(`${a}\trefs/tags/release/1 ü\n${b}\trefs/tags/release/1 ü^{}\n${a}\trefs/heads/x\n`)).toEqual([
    { tag: 'release/1 ü', commit: b },
  ]);
});

describe('says what is wrong with an upstream', () => {
  test.each([
    ['an option', '--upload-pack=touch /tmp/kiln-pwned', 'begins with a dash'],
    ['a remote helper', 'ext::sh -c "touch /tmp/kiln-pwned"', "transport 'ext' not allowed"],
    ['no repository', '/nonexistent/repository', 'does not appear to be a git repository'],
    ['nobody listening', 'http://127.0.0.1:1/x.git', 'http://127.0.0.1:1/x.git: '],
  ])('%s', async (_what, url, message) => {
    await expect(listTags(url, limits())).rejects.toThrow(message);
  });

  test('one that is not there, without the password in its address', async () => {
    const url = server.url('missing').replace('http://', 'http://alice:secret@');
    const error = await listTags(url, limits()).catch((caught: unknown) => String(caught));
    expect(error).toMatch(/missing\.git.*not found/);
    expect(error).not.toContain('secret');
  });

  test('one that wants a password is not asked for one', async () => {
    server.treat('owner/tool', { status: 401 });
    await expect(listTags(server.url('owner/tool'), limits())).rejects.toThrow(
      /could not read Username|Authentication failed/,
    );
    server.treat('owner/tool');
  });
});

test('one that never answers is given up at the limit, with all that git started', async () => {
  const sockets = new Set<{ closed: Promise<unknown> }>();
  const silent = createServer((socket) => {
    sockets.add({ closed: new Promise((resolve) => socket.on('close', resolve).on('error', resolve).resume()) });
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const asked = listTags(`http://127.0.0.1:${port}/x.git`, { ...limits(), timeoutMs: 300 });
  await expect(asked).rejects.toThrow('no answer after 0.3 s');
  // The helper that holds the connection is a child of git's; it is gone too when the connection is.
  expect(sockets.size).toBe(1);
  await Promise.all([...sockets].map(async (socket) => await socket.closed));
  await new Promise((resolve) => silent.close(resolve));
});

test('a stop ends it at once', async () => {
  server.treat('owner/tool', { hang: true });
  const controller = new AbortController();
  const before = server.looks('owner/tool');
  const asked = expect(
    listTags(server.url('owner/tool'), { timeoutMs: 600_000, signal: controller.signal }),
  ).rejects.toThrow('Kiln is stopping');
  await until('it is asked', () => server.looks('owner/tool') > before);
  controller.abort();
  await asked;
  server.treat('owner/tool');
});

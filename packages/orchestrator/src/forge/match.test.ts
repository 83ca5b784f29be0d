import { expect, test } from 'vitest';
import { repositoryOf } from '../recipes/git-address.ts';
import { repositoryOn } from './match.ts';

const on = (kind: 'github' | 'gitea' | 'gitlab', url: string, git: string, sshHost: string | null = null) =>
  repositoryOn({ kind, url, sshHost }, { git, repository: repositoryOf(git) });

test.each([
  ['https://github.com/Acme/libfoo.git', 'acme/libfoo'],
  ['https://user@github.com/acme/libfoo', 'acme/libfoo'],
  ['http://github.com/acme/libfoo', 'acme/libfoo'],
  ['git@github.com:acme/libfoo.git', 'acme/libfoo'],
  ['ssh://git@GitHub.com/acme/libfoo.git', 'acme/libfoo'],
  ['ssh://git@ssh.github.com:443/acme/libfoo.git', 'acme/libfoo'],
  ['git://github.com/acme/libfoo', 'acme/libfoo'],
  ['https://github.com:8443/acme/libfoo', null],
  ['https://github.com.example/acme/libfoo', null],
  ['https://example/github.com/libfoo', null],
  ['git@example.org:acme/libfoo.git', null],
  ['https://github.com/acme', null],
  ['https://github.com/acme/libfoo/more', null],
  ['file:///github.com/acme/libfoo', null],
  ['/srv/git/github.com/acme/libfoo', null],
])('on github.com, %s is %s', (git, repository) => {
  expect(on('github', 'https://github.com', git)).toBe(repository);
});

test('a port of http counts, one of ssh does not', () => {
  const url = 'http://forge.example:3000';
  expect(on('gitea', url, 'http://forge.example:3000/a/b.git')).toBe('a/b');
  expect(on('gitea', url, 'http://forge.example/a/b.git')).toBeNull();
  expect(on('gitea', url, 'ssh://git@forge.example:2222/a/b.git')).toBe('a/b');
});

test('a forge under a path, and one with an ssh host of its own', () => {
  expect(on('gitea', 'https://h.example/Git', 'https://h.example/git/a/b.git')).toBe('a/b');
  expect(on('gitea', 'https://h.example/git', 'git@h.example:a/b.git')).toBe('a/b');
  expect(on('gitea', 'https://h.example', 'git@ssh.h.example:a/b.git')).toBeNull();
  expect(on('gitea', 'https://h.example', 'git@ssh.h.example:a/b.git', 'ssh.h.example')).toBe('a/b');
});

test('GitLab has groups in groups', () => {
  expect(on('gitlab', 'https://gitlab.com', 'https://gitlab.com/Group/sub/project.git')).toBe('group/sub/project');
  expect(on('gitlab', 'https://gitlab.com', 'git@altssh.gitlab.com:group/project.git')).toBe('group/project');
});

import { describe, expect, test } from 'vitest';
import { gitProblem, repositoryOf, resolveGit } from './git-address.ts';

test.each([
  ['https://github.com/Nginx/nginx.git', 'nginx/nginx'],
  ['https://user@github.com/nginx/nginx/', 'nginx/nginx'],
  ['git@github.com:Nginx/Nginx.git', 'nginx/nginx'],
  ['ssh://git@example.org:2222/a/b.git', 'a/b'],
  ['https://gitlab.com/group/sub/project.git', 'group/sub/project'],
  ['https://example.org/lonely.git', null],
  ['host:name.git', null],
  ['file:///srv/git/a/b.git', null],
  ['../a/b.git', null],
  ['/srv/git/b', null],
  ['https://example.org/a%20b/c', 'a b/c'],
  ['https://example.org/%zz/c', '%zz/c'],
])('%s is called %s', (git, name) => expect(repositoryOf(git)).toBe(name));

test('only local paths are resolved, from the recipes folder', () => {
  expect(resolveGit('../hello', '/farm/recipes')).toBe('/farm/hello');
  expect(resolveGit('./x.git', '/farm/recipes')).toBe('/farm/recipes/x.git');
  expect(resolveGit('/srv/x', '/farm/recipes')).toBe('/srv/x');
  for (const address of ['https://h/a/b', 'git@h:a/b', 'file:///srv/x']) {
    expect(resolveGit(address, '/farm')).toBe(address);
  }
});

describe('addresses that git would take but Kiln refuses', () => {
  test.each([
    ['--upload-pack=evil', "can't be"],
    ['a\nb', "can't be"],
    ['ext::sh -c evil', 'remote helper'],
    ['ftp://h/a/b', 'uses ftp://'],
    ['https://user:geheim@h/a/b', 'has a password in it'],
    ['https://h:99999/a', 'is not an address'],
  ])('%s', (git, words) => {
    expect(gitProblem(git)?.message).toContain(words);
    expect(gitProblem(git)?.message).not.toContain('geheim');
  });

  test.each(['https://h/a/b', 'http://127.0.0.1:80/x.git', 'git@h:a/b', 'ssh://git@h/a', '../x', '/x', 'file:///x'])(
    '%s is fine',
    (git) => expect(gitProblem(git)).toBeNull(),
  );
});

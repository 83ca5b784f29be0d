import { expect, test } from 'vitest';
import { normalizeGitUrl, withoutCredentials } from './git-url.ts';

test.each([
  ['https://github.com/Owner/Name.git', 'github.com/owner/name'],
  ['https://GitHub.com/owner/name/', 'github.com/owner/name'],
  ['https://alice:secret@github.com/owner/name', 'github.com/owner/name'],
  ['http://github.com:8080/owner/name.git/', 'github.com/owner/name'],
  ['git@github.com:owner/name.git', 'github.com/owner/name'],
  ['ssh://git@github.com:22/owner/name.git', 'github.com/owner/name'],
  ['github.com:owner//name', 'github.com/owner/name'],
  ['file:///srv/Repos/x.git', '/srv/repos/x'],
  ['/srv/repos/x.git', '/srv/repos/x'],
  ['https://example.org/x.git?service=a', 'example.org/x'],
])('%s is %s', (url, form) => {
  expect(normalizeGitUrl(url)).toBe(form);
});

test('credentials never show', () => {
  expect(withoutCredentials('https://alice:secret@example.org/x.git')).toBe('https://example.org/x.git');
  expect(withoutCredentials('git@example.org:x.git')).toBe('git@example.org:x.git');
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_ALLOWLIST, fits, parseAllowlist } from './allowlist.ts';

const shipped = (name: string) => readFileSync(new URL(`../../../deploy/systemd/${name}`, import.meta.url), 'utf8');
const names = (text: string) => parseAllowlist(text, 'list').entries.map(({ name }) => name);

test('names, patterns, intervals, remarks', () => {
  const text = [
    '# all of these',
    'nginx',
    '  backup.timer\tinterval=1h30min # twice a shift',
    'sync.timer interval=90',
    'game-*.service',
    'k3s*',
    '',
    'nginx',
    'game@a.service ; one of many',
    'dev-disk-by\\x2duuid.mount\r',
  ].join('\n');
  expect(parseAllowlist(text, 'list')).toEqual({
    problems: [],
    entries: [
      { name: 'nginx.service', isPattern: false, interval: null },
      { name: 'backup.timer', isPattern: false, interval: 5400 },
      { name: 'sync.timer', isPattern: false, interval: 90 },
      { name: 'game-*.service', isPattern: true, interval: null },
      { name: 'k3s*', isPattern: true, interval: null },
      { name: 'game@a.service', isPattern: false, interval: null },
      { name: 'dev-disk-by\\x2duuid.mount', isPattern: false, interval: null },
    ],
  });
});

test('a line that is wrong is named with its place and the remedy, and the others count', () => {
  const { entries, problems } = parseAllowlist(
    ['good', '../../etc/passwd', 'game@.service', 'a.timer every=5s', 'b.timer interval=soon', '-.mount'].join('\n'),
    '/etc/kiln/heartbeat.conf',
  );
  expect(entries.map(({ name }) => name)).toEqual(['good.service', '-.mount']);
  expect(problems).toEqual([
    '/etc/kiln/heartbeat.conf:2: "../../etc/passwd" is no name of a unit; a line is a name such as nginx.service or a pattern such as game-*.service',
    '/etc/kiln/heartbeat.conf:3: game@.service is a template; name an instance (game@1.service) or all of them (game@*.service)',
    '/etc/kiln/heartbeat.conf:4: "every=5s" after a.timer is not understood; only interval=<time>, such as interval=90s or interval=1h30min, can stand there',
    '/etc/kiln/heartbeat.conf:5: "interval=soon" after b.timer is not understood; only interval=<time>, such as interval=90s or interval=1h30min, can stand there',
  ]);
});

test('patterns fit as those of systemctl do', () => {
  expect(fits('game-a.service', 'game-*.service')).toBe(true);
  expect(fits('my-game-a.service', 'game-*.service')).toBe(false);
  expect(fits('game-aXservice', 'game-*.service')).toBe(false);
  expect(fits('a1.service', 'a?.service')).toBe(true);
  expect(fits('a1.service', 'a[0-9].service')).toBe(true);
  expect(fits('ab.service', 'a[!0-9].service')).toBe(true);
  expect(fits('a1.service', 'a[!0-9].service')).toBe(false);
  expect(fits('a1.service', 'a[9-0].service')).toBe(false);
});

test('the shipped lists are what they say', () => {
  expect(names(shipped('heartbeat.conf'))).toEqual(DEFAULT_ALLOWLIST);
  expect(names(shipped('heartbeat.example.conf'))).toEqual([
    'coily-audit-dashboard.service',
    'coily-update.service',
    'repo-recall.service',
    'repo-recall-update.service',
    'claude-remote-control.service',
    'claude-remote-control-restart.service',
    'game-*.service',
    'k3s.service',
  ]);
});

// The programs beyond Node.js that the tests use: all of them are Debian packages.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program, and the Debian package that brings it. */
const PROGRAMS = {
  git: 'git',
  chromium: 'chromium',
  nginx: 'nginx-light',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  zstd: 'zstd',
  gpgv: 'gpgv',
};

/** Packages of programs that this machine does not have, after trying to install them where that is allowed. */
export function ensurePrograms() {
  const missing = missingPackages();
  const root = asRoot();
  if (missing.length === 0 || !root || !has('apt-get')) return missing;
  process.stderr.write(`Installing what the tests need: ${missing.join(', ')} …\n`);
  const apt = (...args) =>
    spawnSync(root[0] ?? 'apt-get', [...root.slice(1), ...(root.length > 0 ? ['apt-get'] : []), '-qq', ...args], {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  apt('update');
  apt('install', '--yes', '--no-install-recommends', ...missing);
  return missingPackages();
}

function missingPackages() {
  return Object.entries(PROGRAMS)
    .filter(([program]) => !has(program))
    .map(([, name]) => name);
}

function has(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What to put before a command to run it as root; null where that is not possible without asking. */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : null;
}

// The programs beyond Node.js that the tests use: all of them are Debian packages.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program, and the Debian package that brings it. */
const PROGRAMS = {
  git: 'git',
  chromium: 'chromium',
  nginx: 'nginx-light',
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  openssl: 'openssl',
  zstd: 'zstd',
  gpgv: 'gpgv',
  initdb: 'postgresql',
  'systemd-nspawn': 'systemd-container',
  'dbus-daemon': 'dbus',
};

/** Debian keeps the programs of a PostgreSQL server out of the path, a folder for each version. */
const POSTGRES = '/usr/lib/postgresql';
/** While this file is there, installing a PostgreSQL server does not make and start a cluster on the machine. */
const NO_CLUSTER = '/etc/postgresql-common/createcluster.d/kiln-tests.conf';

/** Packages of programs that this machine does not have, after trying to install them where that is allowed. */
export function ensurePrograms() {
  const missing = missingPackages();
  const root = asRoot();
  if (missing.length === 0 || !root || !has('apt-get')) return missing;
  process.stderr.write(`Installing what the tests need: ${missing.join(', ')} …\n`);
  const run = (...command) => {
    const [program, ...args] = [...root, ...command];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync(program, args, { stdio: ['ignore', 2, 2], env });
  };
  const refusal = `mkdir -p "$(dirname ${NO_CLUSTER})" && echo create_main_cluster = false >${NO_CLUSTER}`;
  if (missing.includes('postgresql')) run('sh', '-c', refusal);
  run('apt-get', '-qq', 'update');
  run('apt-get', '-qq', 'install', '--yes', '--no-install-recommends', ...missing);
  run('rm', '-f', NO_CLUSTER);
  return missingPackages();
}

function missingPackages() {
  return Object.entries(PROGRAMS)
    .filter(([program]) => !has(program))
    .map(([, name]) => name);
}

function has(program) {
  const servers = existsSync(POSTGRES) ? readdirSync(POSTGRES).map((version) => join(POSTGRES, version, 'bin')) : [];
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', ...servers];
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

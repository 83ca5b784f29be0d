// What `npm start`, `npm test` and .ci/run stand on: the npm packages, the pinned Node.js and the built dashboard.
// Plain JavaScript, because it runs with whatever Node.js is installed (20.19 or later), before anything else is there.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** The Node.js that runs Kiln, whatever is installed. */
export const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');

const STAMP = join(ROOT, 'node_modules', '.cache', 'kiln-installed');
const OLDEST_NODE = [20, 19];

/** Ends the process with one sentence. */
export function fail(message) {
  process.stderr.write(`kiln: ${message}\n`);
  process.exit(1);
}

/** Installs the npm packages where they are missing or older than the lock file. Nothing to do takes milliseconds. */
export function ensurePackages() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    fail(
      `Node.js ${OLDEST_NODE.join('.')} or later is needed to begin, this is ${process.version}; see https://nodejs.org`,
    );
  }
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex');
  if (isInstalled(digest)) return;
  const fresh = !existsSync(NODE);
  process.stderr.write(`Installing packages${fresh ? ' for the first start; this takes a minute or two' : ''} …\n`);
  npm(fresh ? 'ci' : 'install');
  if (!existsSync(NODE)) {
    // The package `node` fetches the real thing in an install script, which some settings of npm keep from running.
    npm('rebuild', '--ignore-scripts=false', 'node');
  }
  if (!existsSync(NODE)) fail(`npm did not install Node.js 24 (${NODE} is missing); look at its messages above`);
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, digest);
}

function isInstalled(digest) {
  if (!existsSync(NODE)) return false;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return true;
  const installed = modified(join(ROOT, 'node_modules', '.package-lock.json'));
  return installed >= modified(join(ROOT, 'package-lock.json'));
}

function npm(...args) {
  // npm says where it is when it runs us; elsewhere it is a command.
  const own = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const [command, ...rest] = [
    ...own,
    ...args,
    '--no-fund',
    '--no-audit',
    '--include=dev',
    '--include=optional',
    '--loglevel=error',
  ];
  const result = spawnSync(command, rest, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.error) fail(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) fail(`npm ${args[0]} failed (exit code ${result.status}); its messages are above`);
}

/** Builds the dashboard where it is missing or older than its sources. */
export function ensureDashboard() {
  const web = join(ROOT, 'packages', 'web');
  const built = modified(join(web, 'dist', 'index.html'));
  const sources = ['src', 'public', 'index.html', 'vite.config.ts', 'package.json'].map((name) => join(web, name));
  if (built > 0 && [...sources, join(ROOT, 'packages', 'protocol', 'src')].every((path) => newest(path) <= built))
    return;
  process.stderr.write('Building the dashboard …\n');
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const result = spawnSync(NODE, [vite, 'build', '--logLevel', 'error'], { cwd: web, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) fail('the dashboard could not be built; the messages above say why');
}

/** Time of the last change of a file in ms, 0 where there is none. */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Time of the last change at or below a path in ms. Tests do not count: they are not built. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.mtimeMs ?? 0;
  const below = readdirSync(path).filter((name) => !/\.test\.tsx?$/.test(name));
  return below.reduce((latest, name) => Math.max(latest, newest(join(path, name))), 0);
}

/** Runs a program with the pinned Node.js in the place of this process: same streams, signals handed on, same exit code. */
export function become(args, env = {}) {
  // The channel lets the program notice when this process is killed.
  const child = spawn(NODE, args, {
    cwd: process.cwd(),
    env: { ...process.env, ...env },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`${NODE} could not be started: ${error.message}`));
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

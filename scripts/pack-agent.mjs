// Makes the agent's own package: a tarball with the agent and what it stands on, for machines that only build.
//
//   node scripts/pack-agent.mjs --version 0.1.0 --out out     makes out/kiln-agent-0.1.0.tar.gz
//   node scripts/pack-agent.mjs --check out/kiln-agent-0.1.0  checks the unpacked folder: all that a file imports is there
//
// On the other machine: unpack it, run `npm install` once, then `bin/kiln-agent --help`. This file has no dependencies, so
// it runs in a bare clone. Times and owners are fixed: the same commit gives the same bytes.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** The agent, the command that starts it, and below them what both import. */
const PACKAGES = ['protocol', 'service', 'store', 'agent', 'cli'];
const LAUNCHER = `#!/usr/bin/env node
// Runs the agent: the same as \`kiln agent\` in a whole Kiln.
process.argv.splice(2, 0, 'agent');
await import('../packages/cli/bin/kiln.mjs');
`;

const { values } = parseArgs({
  options: { out: { type: 'string' }, version: { type: 'string' }, check: { type: 'string' } },
});
if (values.check) check(values.check);
else pack(values.out ?? 'out', values.version ?? readJson(join(ROOT, 'package.json')).version);

function pack(out, version) {
  const folder = join(out, `kiln-agent-${version}`);
  rmSync(folder, { recursive: true, force: true });
  for (const [index, name] of PACKAGES.entries()) {
    copyPackage(name, folder);
    const percent = Math.round(((index + 1) * 100) / PACKAGES.length);
    process.stdout.write(`  pack  @kiln/${name}\n::kiln progress ${percent} packed @kiln/${name}\n`);
  }
  writeRoot(folder, version);
  tar(out, basename(folder));
}

/** The package without its tests, needing only packages that come with it. */
function copyPackage(name, folder) {
  const from = join(ROOT, 'packages', name);
  const to = join(folder, 'packages', name);
  const wanted = (path) => !/\.test\.tsx?$|\/(testing|bench|node_modules|dist)(\/|$)/.test(path.slice(from.length));
  cpSync(from, to, { recursive: true, filter: wanted });
  // What is optional is the built-in PostgreSQL, which an agent has no use for.
  const { optionalDependencies: _, ...manifest } = readJson(join(from, 'package.json'));
  const kept = Object.entries(manifest.dependencies ?? {}).filter(([dependency]) => {
    const own = /^@kiln\/(.+)$/.exec(dependency)?.[1];
    return !own || PACKAGES.includes(own);
  });
  writeJson(join(to, 'package.json'), { ...manifest, dependencies: Object.fromEntries(kept) });
}

function writeRoot(folder, version) {
  const { dependencies, allowScripts, engines, license, type, workspaces } = readJson(join(ROOT, 'package.json'));
  const description = 'An agent of a Kiln build farm';
  const bin = { 'kiln-agent': 'bin/kiln-agent' };
  const manifest = { name: 'kiln', version, private: true, description, license, type, bin, workspaces, engines };
  writeJson(join(folder, 'package.json'), { ...manifest, dependencies, allowScripts });
  cpSync(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'));
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin', 'kiln-agent'), LAUNCHER, { mode: 0o755 });
}

function tar(out, name) {
  const time = process.env.SOURCE_DATE_EPOCH ?? String(Math.floor(statSync(join(ROOT, 'package.json')).mtimeMs / 1000));
  const fixed = ['--sort=name', `--mtime=@${time}`, '--owner=0', '--group=0', '--numeric-owner', '--mode=go-w'];
  const packed = join(out, `${name}.tar`);
  run('tar', '-C', out, ...fixed, '-cf', packed, name);
  run('gzip', '-n', '-9', '-f', packed);
  process.stdout.write(`  made  ${packed}.gz, ${statSync(`${packed}.gz`).size} bytes\n`);
}

/** Follows every import from the launcher on, as far as it is Kiln's own. Commands that the package does without are left out. */
function check(folder) {
  const seen = new Set();
  const missing = [];
  const waiting = ['packages/cli/bin/kiln.mjs', 'packages/cli/src/commands/agent.ts'];
  for (let file = waiting.pop(); file; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const imported of importsOf(join(folder, file))) {
      const path = resolveImport(file, imported);
      if (path === null || /^packages\/cli\/src\/(commands|server)\//.test(path)) continue;
      if (existsSync(join(folder, path))) waiting.push(path);
      else missing.push(`${file}: error: imports ${imported}, which is not in the package`);
    }
  }
  for (const line of missing) process.stderr.write(`${line}\n`);
  process.stdout.write(`checked ${seen.size} files, ${missing.length} errors\n`);
  if (missing.length > 0) process.exit(1);
}

function importsOf(file) {
  const text = readFileSync(file, 'utf8').replace(/^\s*import type .*$|^\s*\/?\*.*$/gm, '');
  return [...text.matchAll(/(?:\bfrom|\bimport\s*\(?)\s*'([^']+)'/g)].map((match) => match[1]);
}

/** The file in the package that an import names, null for packages of others. */
function resolveImport(file, imported) {
  const own = /^@kiln\/([^/]+)\/(.+)$/.exec(imported);
  if (own) return join('packages', own[1], 'src', own[2]);
  return imported.startsWith('.') ? join(dirname(file), imported) : null;
}

function run(command, ...args) {
  const result = spawnSync(command, args, { stdio: 'inherit' });
  if (result.status !== 0)
    throw new Error(`${command} failed: ${result.error?.message ?? `exit code ${result.status}`}`);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

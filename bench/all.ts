import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Runs benches one after the other: those named, else all that need nothing but the checkout. */
const USUAL = ['jobs', 'log', 'search', 'latency', 'viewers', 'start'];
const OPTIONAL = ['buildbot', 'heartbeat', 'viewer', 'storm', 'alert-latency'];

const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('-'));
const named = words.filter((word) => !word.startsWith('-'));
const unknown = named.filter((name) => !USUAL.includes(name) && !OPTIONAL.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no bench is called ${unknown.join(', ')}; there are ${[...USUAL, ...OPTIONAL].join(', ')}\n`);
  process.exit(2);
}
for (const name of named.length > 0 ? named : USUAL) {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const [code] = await once(spawn(process.execPath, [file, ...options], { stdio: 'inherit' }), 'exit');
  if (code !== 0) process.exitCode = 1;
}

#!/usr/bin/env node
// Runs the command with the Node.js that the checkout pins, whatever Node.js runs this file.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const pinned = path('../../../node_modules/node/bin/node');
// Stripping types and compiling is most of a short command's time, so its result is kept. Not in the shared temporary
// folder, where other users could put code for us to run.
process.env.NODE_COMPILE_CACHE ??= path('../../../node_modules/.cache/kiln-code');

// Between npx and us there is a shell that a signal ends and that passes none on: its end is the signal.
if (process.env.npm_lifecycle_event === 'npx') {
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}

if (Number(process.versions.node.split('.')[0]) >= 24) {
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(process.env.NODE_COMPILE_CACHE);
  await import('../src/main.ts');
} else if (existsSync(pinned)) {
  // The channel tells the command when this process is killed: it ends, too.
  const child = spawn(pinned, [path('../src/main.ts'), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    process.stderr.write(`kiln: ${pinned} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
} else {
  process.stderr.write(
    `kiln: Node.js 24 is needed. This is ${process.version}, and the checkout's own is not installed yet; run: npm install\n`,
  );
  process.exit(1);
}

// The launcher's own process: starts commands and says how they ended. Plain JavaScript with no imports beyond Node's own,
// since its smallness is its purpose. It ends with its agent, and takes what it started along.
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';

/** Process groups that were started and have not ended. */
const groups = new Set();

process.on('message', ({ id, file, args, cwd, env, output }) => {
  let child;
  try {
    const pipe = openWriteEnd(output);
    try {
      child = spawn(file, args, { cwd, env, stdio: ['ignore', pipe, pipe], detached: true });
    } finally {
      closeSync(pipe);
    }
  } catch (error) {
    tell({ id, error: { code: error.code ?? '', message: error.message } });
    return;
  }
  const { pid } = child;
  if (pid === undefined) {
    child.once('error', (error) => tell({ id, error: { code: error.code ?? '', message: error.message } }));
    return;
  }
  groups.add(pid);
  tell({ id, pid });
  child.once('exit', (exitCode, signal) => {
    groups.delete(pid);
    tell({ id, exitCode, signal });
  });
});

process.on('disconnect', () => {
  for (const group of groups) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It ended in this very moment.
    }
  }
  process.exit(0);
});

// The agent may have died before anything here could hear of it.
if (!process.connected) process.exit(0);

// A key pressed in a terminal reaches the whole group; the agent decides what becomes of its jobs.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

function tell(message) {
  if (process.connected) process.send(message, () => {});
}

// Where nobody reads, opening to write waits until somebody does: for ever, when the agent died after it sent the order.
function openWriteEnd(path) {
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return openSync(path, 'w');
  } finally {
    closeSync(reader);
  }
}

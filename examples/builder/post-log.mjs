#!/usr/bin/env node
// Sends what a command prints to the log of a task, line by line, while it runs:
//
//   KILN=http://127.0.0.1:10142 KILN_BUILDER_TOKEN=… ./post-log.mjs TASK_ID < <(make 2>&1)
//
// KILN_COMPONENT and KILN_CONTEXT name the part of the build that speaks. Ends with 1 when Kiln refuses the lines.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** Lines that wait go in one batch, so that a loud command needs few requests. */
const MOST_ENTRIES = 1000;
/** Lines that may wait before the command has to. */
const MOST_WAITING = 10_000;
const LONGEST_PAUSE_MS = 10_000;

const [taskId] = process.argv.slice(2);
const { KILN = 'http://127.0.0.1:10142', KILN_BUILDER_TOKEN, KILN_COMPONENT = 'PACKER', KILN_CONTEXT } = process.env;
if (!taskId || !KILN_BUILDER_TOKEN) {
  process.stderr.write('usage: KILN=… KILN_BUILDER_TOKEN=… post-log.mjs TASK_ID <lines\n');
  process.exit(2);
}

/** Sends a batch until Kiln has it. A batch keeps its id, so one that comes twice is in the log once. */
async function send(entries) {
  const body = JSON.stringify({ task_id: taskId, batch_id: randomUUID(), entries });
  for (let pause = 250; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const answer = await fetch(`${KILN}/api/vm-build/task-logs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KILN_BUILDER_TOKEN}`, 'content-type': 'application/json' },
      body,
    }).catch((error) => error);
    if (answer.ok) return;
    // Kiln is away, restarting or busy: the batch waits. Anything else will not get better.
    const isAway = answer instanceof Error || answer.status === 429 || answer.status >= 500;
    if (!isAway) throw new Error(`Kiln refused the log: ${answer.status} ${await answer.text()}`);
    await sleep(pause);
  }
}

const waiting = [];
let sending = Promise.resolve();
let isSending = false;

async function drain() {
  isSending = true;
  while (waiting.length > 0) await send(waiting.splice(0, MOST_ENTRIES));
  isSending = false;
}

function fail(error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

for await (const message of createInterface({ input: process.stdin })) {
  const place = KILN_CONTEXT ? { context: KILN_CONTEXT } : {};
  const level = /\b(error|fatal)\b/i.test(message) ? 'ERROR' : /\bwarn/i.test(message) ? 'WARN' : 'INFO';
  waiting.push({ timestamp: new Date().toISOString(), level, component: KILN_COMPONENT, message, ...place });
  if (!isSending) sending = drain().catch(fail);
  if (waiting.length >= MOST_WAITING) await sending;
}
await sending;

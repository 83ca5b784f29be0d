import { parentPort } from 'node:worker_threads';
import { Expression } from './expression.ts';
import type { TaskOutcome } from './pool.ts';
import { scan } from './scan.ts';
import type { SearchTask } from './task.ts';

/**
 * The thread that searches run in. It does one task at a time; one that takes too long is ended by the pool, with the
 * thread.
 */

/** Tasks of one search mostly follow each other. */
let last: { key: string; expression: Expression } | null = null;

function work(task: SearchTask): TaskOutcome {
  const { source, flags } = task.pattern;
  const key = `${flags} ${source}`;
  try {
    if (last?.key !== key) last = { key, expression: new Expression(task.pattern) };
    return { ok: true, result: scan(task, last.expression) };
  } catch (error) {
    // V8 compiles at the first use, and only then finds that an expression is too large.
    if (error instanceof SyntaxError || error instanceof RangeError) {
      return { ok: false, code: 'bad_pattern', message: error.message };
    }
    throw error;
  }
}

parentPort?.on('message', (task: SearchTask) => parentPort?.postMessage(work(task)));
parentPort?.postMessage('ready');

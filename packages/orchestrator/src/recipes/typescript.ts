import { Worker } from 'node:worker_threads';
import { type RecipeSource, typescriptRecipe } from './source.ts';

type Exported = { value: unknown } | { message: string; line: number | null };

const LIMIT_MS = 10_000;

/**
 * Runs recipe files in TypeScript, one after the other, in a thread that is gone afterwards. Never throws. A file that takes
 * longer than the limit or ends the thread is a problem of that file alone.
 */
export async function readTypescriptRecipes(
  paths: readonly string[],
  limitMs = LIMIT_MS,
): Promise<Map<string, RecipeSource>> {
  const sources = new Map<string, RecipeSource>();
  let worker: Worker | null = null;
  try {
    for (const path of paths) {
      worker ??= startWorker();
      const exported = await ask(worker, path, limitMs);
      if (exported.dead) {
        await worker.terminate();
        worker = null;
      }
      sources.set(path, await typescriptRecipe(path, exported.result));
    }
  } finally {
    await worker?.terminate();
  }
  return sources;
}

function startWorker(): Worker {
  const url = new URL('./typescript-worker.ts', import.meta.url);
  // What a recipe prints is nobody's log line; its streams are drained so that a loud one can't fill the memory.
  const worker = new Worker(url, { stdout: true, stderr: true, execArgv: [] });
  worker.stdout.resume();
  worker.stderr.resume();
  return worker;
}

async function ask(worker: Worker, path: string, limitMs: number): Promise<{ result: Exported; dead: boolean }> {
  const { promise, resolve } = Promise.withResolvers<{ result: Exported; dead: boolean }>();
  const failed = (message: string) => resolve({ result: { message, line: null }, dead: true });
  const onMessage = (result: Exported) => resolve({ result, dead: false });
  const onError = (error: Error) => failed(`the recipe failed to run: ${error.message}`);
  const onExit = (code: number) => failed(`the recipe ended its thread with exit code ${code}`);
  const timer = setTimeout(() => failed(`the recipe was not done after ${limitMs / 1000} s`), limitMs);
  worker.once('message', onMessage).once('error', onError).once('exit', onExit);
  try {
    worker.postMessage(path);
    return await promise;
  } finally {
    clearTimeout(timer);
    worker.off('message', onMessage).off('error', onError).off('exit', onExit);
  }
}

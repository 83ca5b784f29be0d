import { Worker } from 'node:worker_threads';
import { type RecipeSource, typescriptRecipe } from './source.ts';

type Exported = { value: unknown } | { message: string; line: number | null };

/** What a worker answers, and whether it can't be asked again. */
interface Answer {
  result: Exported;
  dead: boolean;
}

const LIMIT_MS = 10_000;
/** A thread starts in tens of milliseconds; on a machine that is busy with builds it may take much longer. */
const START_LIMIT_MS = 30_000;

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
      worker ??= await startWorker();
      const answer = await hear(worker, limitMs, (thread) => thread.postMessage(path));
      if (answer.dead) {
        await worker.terminate();
        worker = null;
      }
      sources.set(path, await typescriptRecipe(path, answer.result));
    }
  } finally {
    await worker?.terminate();
  }
  return sources;
}

/** A thread that said that it is ready; one that did not will not answer either, which is then said of the file. */
async function startWorker(): Promise<Worker> {
  const url = new URL('./typescript-worker.ts', import.meta.url);
  // What a recipe prints is nobody's log line; its streams are drained so that a loud one can't fill the memory.
  const worker = new Worker(url, { stdout: true, stderr: true, execArgv: [] });
  worker.stdout.resume();
  worker.stderr.resume();
  // Code that a recipe left running may still throw between two questions; unheard, that would end this process.
  worker.on('error', () => {});
  await hear(worker, START_LIMIT_MS, () => {});
  return worker;
}

/** The next message of the thread, or what kept it from sending one. */
async function hear(worker: Worker, limitMs: number, ask: (worker: Worker) => void): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const failed = (message: string) => resolve({ result: { message, line: null }, dead: true });
  const onMessage = (result: Exported) => resolve({ result, dead: false });
  const onError = (error: Error) => failed(`the recipe failed to run: ${error.message}`);
  const onExit = (code: number) => failed(`the recipe ended its thread with exit code ${code}`);
  const timer = setTimeout(() => failed(`the recipe was not done after ${limitMs / 1000} s`), limitMs);
  worker.once('message', onMessage).once('error', onError).once('exit', onExit);
  try {
    ask(worker);
    return await promise;
  } finally {
    clearTimeout(timer);
    worker.off('message', onMessage).off('error', onError).off('exit', onExit);
  }
}

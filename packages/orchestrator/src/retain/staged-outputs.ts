import { readdir } from 'node:fs/promises';
import type { FarmContext } from '@kiln/store/context.ts';
import { doneWithOutputs } from '@kiln/store/runs/staged-outputs.ts';
import { isSystemError } from '../publish/disk.ts';
import { clearStaging, STAGED_KEY, STAGING } from '../publish/staged.ts';

const RUN_FOLDER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BATCH = 500;

type Context = Pick<FarmContext, 'db' | 'log' | 'config' | 'blobs'>;

/**
 * Removes the staged outputs of runs that ended `ageMs` ago or longer and will not publish them: cancelled ones, completed
 * ones, and those that are gone. A failed run keeps its outputs, since a retry goes on with them. `shared`: also looks at
 * the place of blobs, which one orchestrator does for all. Returns how many runs.
 */
export async function clearOldStaging(
  context: Context,
  { ageMs, shared }: { ageMs: number; shared: boolean },
  signal: AbortSignal,
): Promise<number> {
  let cleared = 0;
  let runs = new Set<string>();
  const clear = async () => {
    for (const run of await doneWithOutputs(context.db, [...runs], ageMs)) {
      await clearStaging(context, run);
      cleared += 1;
    }
    runs = new Set();
  };
  for await (const runId of stagedRuns(context, shared)) {
    if (signal.aborted) return cleared;
    runs.add(runId);
    if (runs.size === BATCH) await clear();
  }
  await clear();
  return cleared;
}

/** Runs with staged outputs, some of them more than once: those in this machine's folder of before, and in the place of blobs. */
async function* stagedRuns({ config, blobs }: Context, shared: boolean): AsyncGenerator<string> {
  yield* (await foldersIn(config.stagingDir)).filter((name) => RUN_FOLDER.test(name));
  if (!shared) return;
  for await (const { key } of blobs.list(STAGING)) {
    const runId = STAGED_KEY.exec(key)?.[1];
    if (runId !== undefined) yield runId;
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw new Error(`the staging folder ${folder} can't be listed`, { cause: error });
  }
}

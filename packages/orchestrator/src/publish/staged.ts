import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifact } from '@kiln/store/artifacts.ts';
import type { PublishContext } from './context.ts';

/** Where the outputs of a run are staged. */
export function runFolder(stagingDir: string, runId: string): string {
  return join(stagingDir, runId);
}

/** Where one output of an attempt is staged. */
export function stagedPath(
  stagingDir: string,
  runId: string,
  { jobId, attempt, path }: Pick<Artifact, 'jobId' | 'attempt' | 'path'>,
): string {
  return join(runFolder(stagingDir, runId), `${jobId}-${attempt}`, path);
}

/**
 * Removes what a run staged, once it is published or never will be. Never throws: when it can't be removed the log says
 * so, and all else stays as it is.
 */
export async function clearStaging(
  context: Pick<PublishContext, 'log'> & { config: Pick<PublishContext['config'], 'stagingDir'> },
  { runId, recipe, version }: { runId: string; recipe: string; version: string },
): Promise<void> {
  try {
    await rm(runFolder(context.config.stagingDir, runId), { recursive: true, force: true });
  } catch (err) {
    context.log.warn({ recipe, version, runId, err }, 'clear staging dir failed');
  }
}

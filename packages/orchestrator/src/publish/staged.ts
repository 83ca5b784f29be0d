import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobMissing } from '@kiln/store/blobs/blob-store.ts';
import type { Artifact } from '@kiln/store/runs/staged-outputs.ts';
import type { PublishContext } from './context.ts';
import { isSystemError } from './disk.ts';
import { PublishError } from './errors.ts';

/** Under this all staged outputs lie in the place of blobs. */
export const STAGING = 'staging/';

/** What `newStagedKey` makes, with the run in the first group: nothing else below `STAGING` is touched. */
export const STAGED_KEY = /^staging\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/[0-9a-f-]{36}$/;

/** A key for one upload. Each has its own, so that an upload that is refused takes nothing of another's away. */
export function newStagedKey(runId: string): string {
  return `${STAGING}${runId}/${randomUUID()}`;
}

/** Where the outputs of a run are that were staged before Kiln kept them in the place of blobs. */
export function runFolder(stagingDir: string, runId: string): string {
  return join(stagingDir, runId);
}

/** The bytes of a staged output. Throws a PublishError when they are not there any more. */
export function readStaged(
  { blobs, config }: Pick<PublishContext, 'blobs' | 'config'>,
  runId: string,
  { key, path, jobId, attempt }: Artifact,
): AsyncGenerator<Uint8Array> {
  if (key === null) return readFile(join(runFolder(config.stagingDir, runId), `${jobId}-${attempt}`, path), path);
  const gone = `the staged output ${path} is not at ${key} in ${blobs.describe()} any more; build the version again`;
  return readBlob(blobs.stream(key), gone);
}

async function* readBlob(bytes: AsyncGenerator<Uint8Array>, gone: string): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (cause) {
    if (!(cause instanceof BlobMissing)) throw cause;
    throw new PublishError(gone, { final: true, cause });
  }
}

async function* readFile(file: string, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: 1 << 20 });
  } catch (cause) {
    if (!isSystemError(cause, 'ENOENT')) throw cause;
    // Not final: it may be on the disk of another orchestrator, which takes its turn.
    const remedy = 'run the orchestrator that took it, or build the version again';
    throw new PublishError(`the staged output ${path} is not at ${file} any more; ${remedy}`, { final: false, cause });
  }
}

/**
 * Removes what a run staged, once it is published or never will be. Never throws: when it can't be removed the log says
 * so, and all else stays as it is.
 */
export async function clearStaging(
  {
    blobs,
    config,
    log,
  }: Pick<PublishContext, 'log' | 'blobs'> & { config: Pick<PublishContext['config'], 'stagingDir'> },
  { runId, recipe, version }: { runId: string; recipe: string; version: string },
): Promise<void> {
  try {
    for await (const { key } of blobs.list(`${STAGING}${runId}/`)) await blobs.remove(key);
    await rm(runFolder(config.stagingDir, runId), { recursive: true, force: true });
  } catch (err) {
    log.warn({ recipe, version, runId, err }, 'clear staging dir failed');
  }
}

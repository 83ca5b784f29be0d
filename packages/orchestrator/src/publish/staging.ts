import type { ArtifactResponse, AttemptReference } from '@kiln/protocol/agent-messages.ts';
import { principalOf } from '@kiln/service/access/guard.ts';
import { HttpError } from '@kiln/service/http.ts';
import { type RequestOf, registerRoute } from '@kiln/service/register-route.ts';
import { type BlobStore, BlobStoreFull } from '@kiln/store/blobs/blob-store.ts';
import type { Database, Transaction } from '@kiln/store/database.ts';
import { type Artifact, conflictingPath, recordArtifact, runOfHeldAttempt } from '@kiln/store/runs/staged-outputs.ts';
import type { FastifyInstance } from 'fastify';
import { unsafePath } from './paths.ts';
import { checkedBody } from './receive.ts';
import { newStagedKey } from './staged.ts';

export interface StagingOptions {
  db: Database;
  blobs: BlobStore;
  /** How long an upload may stand still before it is given up, in milliseconds. Default two minutes. */
  silenceMs?: number;
}

const SILENCE_MS = 120_000;

const ROUTE = 'PUT /agents/artifacts/:jobId/:attempt/:fence/*';

/** `PUT /agents/artifacts/…` as `agent-messages.ts` describes it: takes outputs of any size, each whole or not at all. */
export function registerArtifactRoutes(app: FastifyInstance, options: StagingOptions): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    registerRoute(scope, ROUTE, async (request) => await stage(options, request), {
      bodyLimit: Number.MAX_SAFE_INTEGER,
    });
  });
}

async function stage(
  { db, blobs, silenceMs = SILENCE_MS }: StagingOptions,
  request: RequestOf<typeof ROUTE>,
): Promise<ArtifactResponse> {
  const { id: agentId } = principalOf(request);
  const { '*': path, ...reference } = request.params;
  const sha256 = checkRequest(path, request.headers['x-kiln-sha256']);
  const runId = await runOfHeldAttempt(db, agentId, reference, { lock: false });
  if (runId === null) throw stale(reference);

  const key = newStagedKey(runId);
  const { bytes } = await keep(blobs, key, path, checkedBody(request.raw, { path, sha256, silenceMs }));
  const artifact = { jobId: reference.jobId, attempt: reference.attempt, path, bytes, sha256, key };
  try {
    const recorded = await db.begin(async (sql) => await record(sql, agentId, reference, artifact));
    if (recorded.key !== key) await discard(blobs, key);
  } catch (error) {
    // Any other error may have come after the commit: then the record has this blob, and else it is swept as an orphan.
    if (error instanceof HttpError) await discard(blobs, key);
    throw error;
  }
  return { path, bytes, sha256 };
}

async function keep(
  blobs: BlobStore,
  key: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number }> {
  try {
    return await blobs.put(key, body);
  } catch (error) {
    if (!(error instanceof BlobStoreFull)) throw error;
    throw new HttpError('disk_full', `${path} can't be staged: ${error.message}`);
  }
}

/** Records an output in the transaction that holds its attempt. Throws an HttpError, and so records nothing, on what is refused. */
async function record(
  sql: Transaction,
  agentId: string,
  reference: AttemptReference,
  artifact: Artifact,
): Promise<Pick<Artifact, 'key'>> {
  const { path, sha256 } = artifact;
  if ((await runOfHeldAttempt(sql, agentId, reference, { lock: true })) === null) throw stale(reference);
  const other = await conflictingPath(sql, artifact);
  if (other !== null)
    throw new HttpError('path_conflict', `${path} is a folder of, or lies under, the staged artifact ${other}`);
  const known = await recordArtifact(sql, artifact);
  if (known.sha256 === sha256) return known;
  throw new HttpError('staged_differently', `${path} was staged with SHA-256 ${known.sha256}, not ${sha256}`);
}

/** Removes a blob that no record names. What can't be removed now is swept as an orphan. */
async function discard(blobs: BlobStore, key: string): Promise<void> {
  await blobs.remove(key).catch(() => undefined);
}

function checkRequest(path: string, digest: string | string[] | undefined): string {
  const reason = unsafePath(path);
  if (reason) throw new HttpError('unsafe_path', `the path of the artifact is refused: ${reason}`);
  if (typeof digest === 'string' && /^[0-9a-f]{64}$/i.test(digest)) return digest.toLowerCase();
  throw new HttpError('digest_missing', 'the header x-kiln-sha256 must have the SHA-256 of the body, 64 hex digits');
}

function stale({ jobId, attempt, fence }: AttemptReference): HttpError {
  return new HttpError('stale_attempt', `attempt ${attempt} (fence ${fence}) of job ${jobId} is not this agent's now`);
}

import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ArtifactResponse, AttemptReference } from '@kiln/protocol/agent-messages.ts';
import { HttpError } from '@kiln/service/http.ts';
import { recordArtifact, runOfHeldAttempt } from '@kiln/store/artifacts.ts';
import type { Database } from '@kiln/store/database.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { isSystemError, syncPath } from './disk.ts';
import { unsafePath } from './paths.ts';
import { receiveFile } from './receive.ts';
import { runFolder, stagedPath } from './staged.ts';

export { clearStaging } from './staged.ts';

export interface StagingOptions {
  db: Database;
  stagingDir: string;
  /** The agent that a request speaks for, by its Bearer token, or null. */
  authenticate(request: FastifyRequest): Promise<{ agentId: string } | null>;
  /** How long an upload may stand still before it is given up, in milliseconds. Default two minutes. */
  silenceMs?: number;
}

const SILENCE_MS = 120_000;

const Params = Type.Object({
  jobId: AttemptReference.properties.jobId,
  attempt: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  fence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  '*': Type.String(),
});

/** `PUT /agents/artifacts/…` as `agent-messages.ts` describes it: takes outputs of any size, each whole or not at all. */
export function registerArtifactRoutes(app: FastifyInstance, options: StagingOptions): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    scope.decorateRequest('agentId', '');
    scope.put<{ Params: Static<typeof Params> }>(
      '/agents/artifacts/:jobId/:attempt/:fence/*',
      {
        schema: { params: Params, response: { 200: ArtifactResponse } },
        bodyLimit: Number.MAX_SAFE_INTEGER,
        onRequest: async (request) => {
          const agent = await options.authenticate(request);
          if (!agent) throw new HttpError(401, 'unauthorized', "an artifact needs its agent's token");
          request.setDecorator('agentId', agent.agentId);
        },
      },
      async (request) => await stage(options, request.getDecorator('agentId'), request),
    );
  });
}

async function stage(
  options: StagingOptions,
  agentId: string,
  request: FastifyRequest<{ Params: Static<typeof Params> }>,
): Promise<ArtifactResponse> {
  const { '*': path, ...reference } = request.params;
  const expected = checkRequest(path, request.headers['x-kiln-sha256']);
  const runId = await runOfHeldAttempt(options.db, agentId, reference, { lock: false });
  if (runId === null) throw stale(reference);

  const folder = runFolder(options.stagingDir, runId);
  await mkdir(folder, { recursive: true });
  const incoming = join(folder, `.incoming-${randomUUID()}`);
  try {
    const { bytes, sha256 } = await receiveFile(request.raw, incoming, options.silenceMs ?? SILENCE_MS);
    if (sha256 !== expected)
      throw new HttpError(422, 'digest_mismatch', `the body of ${path} has SHA-256 ${sha256}, not ${expected}`);
    const artifact = { jobId: reference.jobId, attempt: reference.attempt, path, bytes, sha256 };
    await options.db.begin(async (sql) => {
      if ((await runOfHeldAttempt(sql, agentId, reference, { lock: true })) === null) throw stale(reference);
      // The record comes first, so that of two uploads to one path the second one waits here and sees the first.
      const known = await recordArtifact(sql, artifact);
      if (known !== sha256)
        throw new HttpError(409, 'staged_differently', `${path} was staged with SHA-256 ${known}, not ${sha256}`);
      await putInPlace(incoming, stagedPath(options.stagingDir, runId, artifact), options.stagingDir);
    });
    return { path, bytes, sha256 };
  } catch (error) {
    throw explain(error, path);
  } finally {
    await rm(incoming, { force: true });
  }
}

function checkRequest(path: string, digest: string | string[] | undefined): string {
  const reason = unsafePath(path);
  if (reason) throw new HttpError(422, 'unsafe_path', `the path of the artifact is refused: ${reason}`);
  if (typeof digest === 'string' && /^[0-9a-f]{64}$/i.test(digest)) return digest.toLowerCase();
  throw new HttpError(
    422,
    'digest_missing',
    'the header x-kiln-sha256 must have the SHA-256 of the body, 64 hex digits',
  );
}

function stale({ jobId, attempt, fence }: AttemptReference): HttpError {
  return new HttpError(
    409,
    'stale_attempt',
    `attempt ${attempt} (fence ${fence}) of job ${jobId} is not this agent's now`,
  );
}

/** Moves a received file to its place, with every folder entry on the way to it on the disk. */
async function putInPlace(incoming: string, place: string, root: string): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  await rename(incoming, place);
  for (let folder = dirname(place); folder.length >= root.length; folder = dirname(folder)) await syncPath(folder);
}

function explain(error: unknown, path: string): unknown {
  if (isSystemError(error, 'ENOSPC', 'EDQUOT'))
    return new HttpError(507, 'disk_full', `there is no room for ${path} on the disk of the staging folder`);
  if (isSystemError(error, 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY'))
    return new HttpError(422, 'path_conflict', `${path} is a folder of, or lies under, another staged artifact`);
  return error;
}

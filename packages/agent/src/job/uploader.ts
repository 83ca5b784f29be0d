import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptReference } from '@kiln/protocol/agent-messages.ts';
import { retryDelayMs } from '../link/backoff.ts';
import type { ArtifactFile } from './artifact-files.ts';
import { StepProblem } from './step.ts';

/** A request in which nothing moves for so long is given up and tried again. */
const IDLE_MS = 60_000;
/** The file changed while it was sent, this many times in a row: somebody still writes to it. */
const CHANGED_LIMIT = 3;
const ANSWER_LIMIT = 65_536;

interface Answer {
  status: number;
  body: string;
}

/** Brings artifacts to the orchestrator, again and again while it does not answer. */
export class Uploader {
  readonly #base: () => URL;
  readonly #token: () => string;
  readonly #onStaged: (bytes: number) => void;
  readonly #agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

  /** `base` is the orchestrator's address, http or https; `token` the agent's own; `onStaged` hears of each file. */
  constructor(base: () => URL, token: () => string, onStaged: (bytes: number) => void) {
    this.#base = base;
    this.#token = token;
    this.#onStaged = onStaged;
  }

  /** Settles with the digest when the file is staged. Throws a StepProblem when it is refused, or the signal's reason. */
  async upload(
    { jobId, attempt, fence }: AttemptReference,
    artifact: ArtifactFile,
    signal: AbortSignal,
    onWait: (reason: string) => void,
  ): Promise<string> {
    const name = artifact.path.split('/').map(encodeURIComponent).join('/');
    let changed = 0;
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      const { sha256, bytes } = await digest(artifact.file, signal);
      const url = new URL(`/agents/artifacts/${jobId}/${attempt}/${fence}/${name}`, this.#base());
      const answer = await this.#put(url, artifact.file, { sha256, bytes }, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        return error instanceof Error ? error : new Error(String(error));
      });
      if (!(answer instanceof Error)) {
        if (answer.status >= 200 && answer.status < 300) {
          this.#onStaged(bytes);
          return sha256;
        }
        const words = `the orchestrator refused the artifact "${artifact.path}" (${answer.status}): ${messageOf(answer.body)}`;
        changed += answer.status === 422 ? 1 : 0;
        const isPassing =
          answer.status >= 500 || answer.status === 429 || answer.status === 401 || answer.status === 408;
        if (!isPassing && (answer.status !== 422 || changed >= CHANGED_LIMIT))
          throw new StepProblem('Agent Error', words);
      }
      const reason = answer instanceof Error ? answer.message : `it answered ${answer.status}`;
      if (failures === 0) onWait(reason);
      await sleep(retryDelayMs(failures++), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  async #put(
    url: URL,
    file: string,
    { sha256, bytes }: { sha256: string; bytes: number },
    signal: AbortSignal,
  ): Promise<Answer> {
    const secure = url.protocol === 'https:';
    const request = (secure ? https : http).request(url, {
      method: 'PUT',
      agent: this.#agents[secure ? 'https:' : 'http:'],
      signal,
      headers: {
        authorization: `Bearer ${this.#token()}`,
        'content-type': 'application/octet-stream',
        'content-length': bytes,
        'x-kiln-sha256': sha256,
      },
    });
    request.setTimeout(IDLE_MS, () => request.destroy(new Error(`nothing moved for ${IDLE_MS / 1000} s`)));
    const answer = new Promise<Answer>((resolve, reject) => {
      request.once('error', reject);
      request.once('response', (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (body.length < ANSWER_LIMIT) body += text;
        });
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.once('error', reject);
      });
    });
    const sent = pipeline(createReadStream(file, { end: Math.max(0, bytes - 1) }), request).catch(() => {});
    try {
      return await answer;
    } finally {
      // A refusal comes before the whole file was sent; nobody reads the rest.
      if (!request.writableFinished) request.destroy();
      await sent;
    }
  }
}

async function digest(file: string, signal: AbortSignal): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { signal, highWaterMark: 262_144 })) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

function messageOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && 'error' in parsed) {
      const { error } = parsed;
      if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
    }
  } catch {
    return body.slice(0, 200) || 'without a word';
  }
  return body.slice(0, 200) || 'without a word';
}

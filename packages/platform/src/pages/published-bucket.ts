import { Readable } from 'node:stream';
import { BlobMissing, checkBlobKey } from '@kiln/store/blobs/blob-store.ts';
import type { S3Blobs, S3Object } from '@kiln/store/blobs/s3.ts';
import { S3Error } from '@kiln/store/blobs/s3-error.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { partOf } from './part-of.ts';
import type { Entry, Published, PublishedFiles } from './published-files.ts';

/** The folder has links to the archive where the bucket, which can have none, has the archive itself. */
const LINKS_TO_ARCHIVE = /^([^/]+)\/(?:archive|(?:active|generations\/\d+)\/(?:files|pool))(?=\/|$)/;

/** How often a file is begun anew that a publish replaces at that moment. */
const MOST_BEGINNINGS = 4;

/**
 * The repositories as they are in the bucket: what every orchestrator publishes to, whatever machine it is on. The addresses are
 * the same as those of the folder.
 */
export class PublishedBucket implements PublishedFiles {
  readonly #store: S3Blobs;

  constructor(store: S3Blobs) {
    this.#store = store;
  }

  async find(path: string): Promise<Published | null> {
    const key = path.replace(LINKS_TO_ARCHIVE, '$1/active/pool');
    if (path !== '' && !isKey(key.replace(/\/$/, ''))) return null;
    if (path !== '' && !path.endsWith('/')) {
      const object = await this.#store.describeObject(key);
      if (object) {
        return { kind: 'file', send: async (request, reply) => await this.#send(key, object, request, reply) };
      }
    }
    const { folders, blobs } = await this.#store.listFolder(path === '' || key.endsWith('/') ? key : `${key}/`);
    if (path !== '' && folders.length + blobs.length === 0) return null;
    const entries: Entry[] = [
      ...folders.map((name) => ({ name, directory: true, bytes: 0, modified: null })),
      ...blobs.map((blob) => ({ name: blob.key, directory: false, bytes: blob.bytes, modified: blob.modifiedAt })),
    ];
    const shown = entries.filter(({ name }) => !name.startsWith('.'));
    return { kind: 'folder', entries: async () => shown.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  }

  async #send(key: string, found: S3Object, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    let object = found;
    for (let beginnings = 1; ; beginnings++) {
      const part = partOf(request.headers, object);
      try {
        const range = request.method === 'HEAD' ? null : part.range;
        const body = range && (await begun(this.#store.stream(key, range, object.etag)));
        reply
          .code(part.status)
          .header('last-modified', object.modifiedAt.toUTCString())
          .header('accept-ranges', 'bytes');
        reply
          .type(object.contentType ?? 'application/octet-stream')
          .header('cache-control', object.cacheControl ?? 'no-cache');
        if (object.etag !== null) reply.header('etag', object.etag);
        if (part.contentRange !== null) reply.header('content-range', part.contentRange);
        if (part.range === null) return await reply.send();
        reply.header('content-length', part.range.length);
        return await reply.send(body ?? Readable.from([]));
      } catch (error) {
        if (error instanceof BlobMissing) {
          reply.callNotFound();
          return reply;
        }
        const replaced = error instanceof S3Error && error.status === 412 && beginnings < MOST_BEGINNINGS;
        const now = replaced ? await this.#store.describeObject(key) : null;
        if (!now) throw error;
        object = now;
      }
    }
  }
}

/** A stream of bytes whose first ones have come, so that what goes wrong before is known before the answer begins. */
async function begun(bytes: AsyncGenerator<Uint8Array>): Promise<Readable> {
  const first = await bytes.next();
  const all = async function* () {
    if (!first.done) yield first.value;
    yield* bytes;
  };
  // A reader that goes before it read anything does not even begin with the first.
  return Readable.from(all(), { objectMode: false }).once('close', () => void bytes.return(undefined).catch(() => {}));
}

function isKey(key: string): boolean {
  try {
    checkBlobKey(key);
    return true;
  } catch {
    return false;
  }
}

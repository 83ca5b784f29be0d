import type { BucketPlace, S3Access } from '@kiln/service/config-blobs.ts';
import {
  type BlobEntry,
  BlobMissing,
  type BlobRange,
  type BlobStore,
  BlobStoreFull,
  checkBlobKey,
} from './blob-store.ts';
import { isPassing, S3_TIMING, S3Client, type S3Timing } from './s3-client.ts';
import { S3Error } from './s3-error.ts';
import { listBelow, listBucket } from './s3-list.ts';
import { readBody } from './s3-read.ts';
import { type ObjectHeaders, upload } from './s3-upload.ts';

const CHECK_TIMING: S3Timing = { limitMs: 2_000, backoffMs: 0, tries: 1 };

/** What an object says about itself. `etag` names this version of it. */
export interface S3Object {
  bytes: number;
  modifiedAt: Date;
  etag: string | null;
  contentType: string | null;
  cacheControl: string | null;
}

/** Blobs as objects of a bucket, under a prefix. */
export class S3Blobs implements BlobStore {
  readonly #client: S3Client;
  readonly #checking: S3Client;
  readonly #prefix: string;

  constructor(access: S3Access, bucket: BucketPlace, timing: S3Timing = S3_TIMING) {
    this.#client = new S3Client(access, bucket, timing);
    this.#checking = new S3Client(access, bucket, CHECK_TIMING);
    this.#prefix = bucket.prefix;
  }

  /** `headers`: what the object says about itself to those who fetch it from the bucket, such as its Content-Type. */
  async put(
    key: string,
    source: Uint8Array | AsyncIterable<Uint8Array>,
    headers?: ObjectHeaders,
  ): Promise<{ bytes: number }> {
    try {
      return await upload(this.#client, this.#whole(key), source, headers);
    } catch (error) {
      if (error instanceof S3Error && isFull(error)) throw new BlobStoreFull(this.describe(), error);
      throw error;
    }
  }

  async read(key: string, offset: number, length: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.stream(key, { offset, length })) chunks.push(chunk);
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
  }

  /** `etag`: only of this version of the object, else an S3Error with status 412. */
  async *stream(key: string, range?: BlobRange, etag: string | null = null): AsyncGenerator<Uint8Array> {
    const whole = this.#whole(key);
    // There is no way to ask for no bytes.
    if (range?.length === 0) {
      if (!(await this.stat(key))) throw new BlobMissing(key, this.describe());
      return;
    }
    let position = range?.offset ?? 0;
    const end = range ? range.offset + range.length : Number.POSITIVE_INFINITY;
    let tag = etag;
    for (let failures = 0; ; ) {
      try {
        for await (const piece of readBody(this.#client, whole, position, end, tag)) {
          tag = piece.etag;
          position += piece.chunk.length;
          failures = 0;
          yield piece.chunk;
        }
        return;
      } catch (error) {
        if (error instanceof S3Error && error.code === 'NoSuchKey') {
          throw new BlobMissing(key, this.describe());
        }
        failures++;
        if (!isPassing(error) || failures >= this.#client.timing.tries) throw error;
        await this.#client.pause(failures);
      }
    }
  }

  async stat(key: string): Promise<{ bytes: number; modifiedAt: Date } | null> {
    const object = await this.describeObject(key);
    return object && { bytes: object.bytes, modifiedAt: object.modifiedAt };
  }

  /** What the object says about itself to those who fetch it; null when there is none. */
  async describeObject(key: string): Promise<S3Object | null> {
    try {
      const { headers } = await this.#client.text({ method: 'HEAD', key: this.#whole(key) });
      return {
        bytes: Number(headers.get('content-length')),
        modifiedAt: new Date(headers.get('last-modified') ?? 0),
        etag: headers.get('etag'),
        contentType: headers.get('content-type'),
        cacheControl: headers.get('cache-control'),
      };
    } catch (error) {
      // An answer to HEAD has no body that could tell a missing object from a missing bucket.
      if (error instanceof S3Error && error.status === 404) {
        await this.check();
        return null;
      }
      throw error;
    }
  }

  async remove(key: string): Promise<void> {
    try {
      await this.#client.text({ method: 'DELETE', key: this.#whole(key) });
    } catch (error) {
      if (!(error instanceof S3Error && error.code === 'NoSuchKey')) throw error;
    }
  }

  async *list(prefix: string): AsyncGenerator<BlobEntry> {
    for await (const entry of listBucket(this.#client, this.#prefix + prefix)) {
      const key = entry.key.slice(this.#prefix.length);
      // Some programs make objects that stand for folders.
      if (!key.endsWith('/')) yield { ...entry, key };
    }
  }

  /** What a folder of this path would show: `''`, or parts with a slash after each. Blobs by their names in it. */
  async listFolder(path: string): Promise<{ folders: string[]; blobs: BlobEntry[] }> {
    const whole = this.#prefix + path;
    const { folders, objects } = await listBelow(this.#client, whole);
    const blobs = objects.map((object) => ({ ...object, key: object.key.slice(whole.length) }));
    return { folders, blobs: blobs.filter(({ key }) => key !== '') };
  }

  async check(): Promise<void> {
    await this.#checking.text({ method: 'HEAD', key: '' });
  }

  describe(): string {
    const below = this.#prefix === '' ? '' : `${this.#prefix.slice(0, -1)} in `;
    return `${below}${this.#client.describe()}`;
  }

  #whole(key: string): string {
    checkBlobKey(key);
    return this.#prefix + key;
  }
}

/** What services with disks of their own answer when these are full; a service without end has no such answer. */
const FULL_CODES = new Set(['InsufficientStorage', 'QuotaExceeded', 'StorageFull', 'XMinioStorageFull']);

function isFull({ status, code }: S3Error): boolean {
  return status === 507 || (code !== null && FULL_CODES.has(code));
}

/** A blob as a list gives it. */
export interface BlobEntry {
  key: string;
  bytes: number;
  modifiedAt: Date;
}

/** A part of a blob, in bytes. */
export interface BlobRange {
  offset: number;
  length: number;
}

/**
 * Where bulk is kept: whole pieces of bytes by key, in a folder or a bucket. A key has parts separated by `/`, as
 * `checkBlobKey` says; none may be the beginning of another's parts (`a` beside `a/b`), or a folder could not hold both.
 */
export interface BlobStore {
  /**
   * Keeps a blob, replacing the one that has this key. Readers see all of it or the one before, also when this process
   * dies in the middle or two put the same key. Never holds more than a few MiB of a stream in memory. When the source
   * throws, nothing is kept. Throws BlobStoreFull when there is no room.
   */
  put(key: string, source: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ bytes: number }>;
  /** `length` bytes from `offset`; fewer where the blob ends before. Throws BlobMissing. */
  read(key: string, offset: number, length: number): Promise<Uint8Array>;
  /** The bytes of one blob, or of a part of it, in order: never a mixture of two that had the same key. Throws BlobMissing. */
  stream(key: string, range?: BlobRange): AsyncGenerator<Uint8Array>;
  /** Size and time of a blob, or null when there is none. */
  stat(key: string): Promise<{ bytes: number; modifiedAt: Date } | null>;
  /** Removes a blob; one that is not there is fine. */
  remove(key: string): Promise<void>;
  /** Blobs whose key begins with `prefix` (`''`: all), in any order. What changes meanwhile may be in it or not. */
  list(prefix: string): AsyncGenerator<BlobEntry>;
  /** Throws an Error that says what to look at when the store can't be reached. Cheap, and answers within 2 seconds. */
  check(): Promise<void>;
  /** The folder or the bucket, for people; without secrets. */
  describe(): string;
}

/** There is no blob with this key. */
export class BlobMissing extends Error {
  override name = 'BlobMissing';
  readonly key: string;

  constructor(key: string, store: string) {
    super(`there is no ${key} in ${store}`);
    this.key = key;
  }
}

/** There is no room for another blob. */
export class BlobStoreFull extends Error {
  override name = 'BlobStoreFull';

  constructor(store: string, cause: Error) {
    super(`there is no room in ${store}: ${cause.message}`, { cause });
  }
}

/** Longest key in bytes: S3 takes 1024, and some are for the prefix that a farm has in its bucket. */
const LONGEST_KEY = 800;
/** Longest name in common file systems, in bytes. */
const LONGEST_PART = 255;

/**
 * Throws a TypeError unless the key stays inside a folder and means the same in a bucket: no empty part, no `.` or `..`, no
 * dot at the very beginning (those names are the store's own), no backslash and no control characters.
 */
export function checkBlobKey(key: string): void {
  const wrong = wrongWith(key);
  if (wrong) throw new TypeError(`the blob key ${JSON.stringify(key.slice(0, 200))} is refused: ${wrong}`);
}

function wrongWith(key: string): string | null {
  if (Buffer.byteLength(key) > LONGEST_KEY) return `it is longer than ${LONGEST_KEY} bytes`;
  if (key.startsWith('.')) return 'it begins with a dot';
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\\]/u.test(key)) return 'it has a backslash or control characters';
  for (const part of key.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part === '.' || part === '..') return `it has a part "${part}"`;
    if (Buffer.byteLength(part) > LONGEST_PART) return `it has a part longer than ${LONGEST_PART} bytes`;
  }
  return null;
}

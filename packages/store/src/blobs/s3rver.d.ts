/** The parts of the S3 server of the tests that they use; it comes without types. */
declare module '@20minutes/s3rver' {
  import type { RequestListener } from 'node:http';

  /** Content null with a range: the range is not satisfiable. */
  interface StoredObject {
    size: number;
    content: { destroy(): void } | null;
    range?: { start: number; end: number };
  }

  interface ListOptions {
    prefix?: string;
    delimiter?: string;
    maxKeys?: number;
  }

  interface Listed<T extends { key: string }> {
    objects: T[];
    commonPrefixes: string[];
    isTruncated: boolean;
  }

  export default class S3rver {
    /** How it keeps files. Takes a buffer or a stream, gives size and MD5. */
    readonly store: {
      putContent(path: string, content: unknown): Promise<[number, string]>;
      getObject(bucket: string, key: string, options: { start?: number }): Promise<StoredObject | null>;
      listObjects<T extends { key: string }>(bucket: string, options: ListOptions): Promise<Listed<T>>;
    };

    constructor(options: {
      address: string;
      port: number;
      directory: string;
      silent: boolean;
      vhostBuckets: boolean;
      configureBuckets: { name: string }[];
    });

    configureBuckets(): Promise<unknown>;
    /** What answers a request, for a server of one's own. */
    callback(): RequestListener;
  }
}

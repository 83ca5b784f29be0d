import type { FastifyReply, FastifyRequest } from 'fastify';

/** A file or folder as the page of its folder lists it. */
export interface Entry {
  name: string;
  directory: boolean;
  bytes: number;
  /** Null where only files have a time. */
  modified: Date | null;
}

/** What an address below /repo names. */
export type Published =
  | { kind: 'folder'; entries(): Promise<Entry[]> }
  /** `send` answers with the file, the part of it that was asked for, or that it is as it was. */
  | { kind: 'file'; send(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> };

/** Where the published repositories are read from: each is a folder with the name of the repository. */
export interface PublishedFiles {
  /**
   * What a path names, null when it names nothing. A folder may have a slash at the end, no path leads out of the
   * repositories, and no part of one begins with a dot. `''` are the repositories themselves.
   */
  find(path: string): Promise<Published | null>;
}

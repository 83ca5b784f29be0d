import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from '@20minutes/s3rver';
import type { S3Access } from '@kiln/service/config-blobs.ts';

/** Takes a request before the service does: true when it dealt with it. */
export type Interruption = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A running S3 service with one empty bucket. It checks signatures; without one, anybody may read and write. */
export interface TestS3 {
  /** Base address of the service. */
  endpoint: string;
  bucket: string;
  access: S3Access;
  /** Settings by dotted key that make the bucket the place of blobs, for `loadConfig` and `testFarm`. */
  settings: Record<string, string>;
  /** Set by tests that disturb the service; null: nothing does. */
  interrupt: Interruption | null;
  stop(): Promise<void>;
}

/** The pair of keys that the server knows. */
const KEY = 'S3RVER';

/** Starts a service for a test, on a free port and with a folder of its own. */
export async function startS3(bucket = 'kiln'): Promise<TestS3> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-s3-'));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, `${KEY}\n`);
  const service = new S3rver({
    address: '127.0.0.1',
    port: 0,
    directory: folder,
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: bucket }],
  });
  await service.configureBuckets();
  keepWhole(service);
  refuseRangesOfNothing(service);
  seeDeepFolders(service);
  const answer = service.callback();
  const server = createServer((request, response) => {
    if (!made.interrupt?.(request, response)) answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const endpoint = `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`;
  const made: TestS3 = {
    endpoint,
    bucket,
    access: { endpoint, region: 'us-east-1', accessKeyFile: keyFile, secretKeyFile: keyFile, pathStyle: true },
    settings: {
      'blobs.url': `s3://${bucket}`,
      'blobs.endpoint': endpoint,
      'blobs.access_key_file': keyFile,
      'blobs.secret_key_file': keyFile,
    },
    interrupt: null,
    async stop() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return made;
}

/** This server writes into the file that readers see; every real service shows an object when it is there whole. */
function keepWhole({ store }: S3rver): void {
  const write = store.putContent.bind(store);
  store.putContent = async (path, content) => {
    const draft = `${path}.${randomUUID()}`;
    const written = await write(draft, content);
    await rename(draft, path);
    return written;
  };
}

/** This server promises one byte of an empty object; every real service refuses the range. */
function refuseRangesOfNothing({ store }: S3rver): void {
  const get = store.getObject.bind(store);
  store.getObject = async (bucket, key, options) => {
    const object = await get(bucket, key, options);
    if (object?.size !== 0 || options.start === undefined) return object;
    object.content?.destroy();
    object.content = null;
    return object;
  };
}

/** This server overlooks a folder that has nothing but folders; every real service goes by the keys. */
function seeDeepFolders({ store }: S3rver): void {
  const list = store.listObjects.bind(store);
  store.listObjects = async (bucket, options) => {
    const { prefix = '', delimiter = '' } = options;
    if (delimiter === '') return await list(bucket, options);
    const all = await list<{ key: string }>(bucket, { ...options, delimiter: '', maxKeys: Number.POSITIVE_INFINITY });
    const below = all.objects.flatMap(({ key }) => {
      const end = key.indexOf(delimiter, prefix.length);
      return end < 0 ? [] : [key.slice(0, end + delimiter.length)];
    });
    return { ...(await list(bucket, options)), commonPrefixes: [...new Set(below)].sort() };
  };
}

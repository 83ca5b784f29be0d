import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { S3Blobs } from './s3.ts';
import { PART_BYTES } from './s3-upload.ts';
import { startS3, type TestS3 } from './testing-s3.ts';

/* A bucket whose service refuses, hangs, breaks off or is not there. */

const PATIENT = { limitMs: 20_000, backoffMs: 5, tries: 3 };
/** For a service that hangs at first. The limit must let a busy machine answer the try that is not disturbed. */
const IMPATIENT = { ...PATIENT, limitMs: 1_500 };
/** For a service that only hangs. The limit must let a busy machine bring it every try. */
const HASTY = { ...PATIENT, limitMs: 1_000 };
let s3: TestS3;
let store: S3Blobs;
beforeEach(async () => {
  s3 = await startS3();
  store = new S3Blobs(s3.access, { name: s3.bucket, prefix: '' }, PATIENT);
});
afterEach(async () => await s3.stop());

/** Lets the first requests that fit be disturbed. Returns how many there were of all that fit. */
function disturb(
  count: number,
  fits: (request: IncomingMessage) => boolean,
  how: (request: IncomingMessage, response: ServerResponse) => boolean,
): { seen: number } {
  const state = { seen: 0 };
  s3.interrupt = (request, response) => fits(request) && ++state.seen <= count && how(request, response);
  return state;
}
const anything = () => true;
const is =
  (method: string, query = '') =>
  (request: IncomingMessage) =>
    request.method === method && (request.url ?? '').includes(query);
const answer =
  (status: number, body = '') =>
  (request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
    return true;
  };
const hang = () => true;
/** Lets the service answer, but breaks the connection after so many bytes of the body. */
const cutAfter = (bytes: number) => (_request: IncomingMessage, response: ServerResponse) => {
  const write = response.write.bind(response);
  let sent = 0;
  response.write = (chunk: Buffer) => {
    const left = bytes - sent;
    sent += chunk.length;
    if (sent < bytes) return write(chunk);
    write(chunk.subarray(0, left), () => response.destroy());
    return false;
  };
  return false;
};

test('an overloaded or hanging service is asked again, and in the end said to be so', async () => {
  disturb(2, anything, answer(500, '<Error><Code>SlowDown</Code><Message>later</Message></Error>'));
  await store.put('a', Buffer.from('one'));
  const impatient = new S3Blobs(s3.access, { name: s3.bucket, prefix: '' }, IMPATIENT);
  disturb(2, anything, hang);
  expect(String(Buffer.from(await impatient.read('a', 0, 9)))).toBe('one');
  const state = disturb(99, anything, answer(503, '<Error><Code>SlowDown</Code></Error>'));
  await expect(store.put('a', Buffer.from('two'))).rejects.toThrow(
    /^the bucket kiln at http:\/\/127\.0\.0\.1:\d+ did not do PUT of a: 503 SlowDown$/,
  );
  expect(state.seen).toBe(3);
  const hanging = disturb(99, anything, hang);
  const hasty = new S3Blobs(s3.access, { name: s3.bucket, prefix: '' }, HASTY);
  await expect(hasty.stat('a')).rejects.toThrow(/did not do HEAD of a: no whole answer .*check blobs.endpoint/);
  expect(hanging.seen).toBe(HASTY.tries);
  s3.interrupt = null;
  expect(String(Buffer.from(await store.read('a', 0, 9)))).toBe('one');
});

test('a body that breaks off or stops is taken up where it ended, of the same object only', async () => {
  const data = Buffer.alloc(600_000, 'abcdefg');
  await store.put('a', data);
  const read = async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.stream('a')) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const cut = disturb(2, is('GET'), cutAfter(200_000));
  expect((await read()).equals(data)).toBe(true);
  expect(cut.seen).toBe(3);
  // Never any progress: it gives up.
  disturb(99, is('GET'), cutAfter(0));
  await expect(read()).rejects.toThrow(/did not (send all|do GET) of a: no whole answer/);
  // Replaced between two tries: two versions must not be mixed.
  s3.interrupt = null;
  const stream = store.stream('a');
  disturb(1, is('GET'), cutAfter(200_000));
  await stream.next();
  await store.put('a', Buffer.alloc(600_000, '1234567'));
  await expect(
    (async () => {
      for await (const chunk of stream) expect(chunk[0]).toBeGreaterThan(0x60);
    })(),
  ).rejects.toThrow('was replaced while it was read');
});

test('an upload in parts holds one of them, survives failing parts, and leaves nothing when it fails', async () => {
  let taken = 0;
  let stored = 0;
  let most = 0;
  const source = async function* () {
    for (let n = 0; n < 3 * 16 * 8; n++) {
      taken += 65_536;
      most = Math.max(most, taken - stored);
      yield Buffer.alloc(65_536, n);
    }
  };
  s3.interrupt = (request, response) => {
    if (request.method === 'PUT') response.once('finish', () => (stored += Number(request.headers['content-length'])));
    return false;
  };
  await store.put('big', source());
  expect(stored).toBe(3 * PART_BYTES);
  expect(most).toBeLessThanOrEqual(PART_BYTES + 65_536);

  const parts = disturb(2, is('PUT', 'partNumber=2'), answer(500));
  await store.put('again', source());
  expect(parts.seen).toBe(3);
  expect((await store.stat('again'))?.bytes).toBe(3 * PART_BYTES);

  const removed: string[] = [];
  s3.interrupt = (request, response) => {
    if (request.method === 'DELETE') removed.push(request.url ?? '');
    return is('PUT', 'partNumber=3')(request) && answer(500)(request, response);
  };
  await expect(store.put('never', source())).rejects.toThrow('500');
  expect(removed).toEqual([expect.stringContaining('/kiln/never?uploadId=')]);
  expect(await store.stat('never')).toBeNull();

  // The answer to the last step is lost, but the step was done.
  let steps = 0;
  disturb(9, is('POST', 'uploadId='), (request, response) => {
    if (++steps > 1) return answer(404, '<Error><Code>NoSuchUpload</Code></Error>')(request, response);
    response.end = () => response.destroy();
    return false;
  });
  await store.put('lost', source());
  expect((await store.stat('lost'))?.bytes).toBe(3 * PART_BYTES);
});

test('a folder shows its blobs and the folders in it, and a version that was replaced is not read', async () => {
  for (const key of ['a/1', 'a/b c/2', 'a/b c/3', 'a/é/4', 'ab', 'a-1/5/6']) await store.put(key, Buffer.from(key));
  const shown = async (path: string) => {
    const { folders, blobs } = await store.listFolder(path);
    return [folders.sort(), blobs.map(({ key, bytes }) => `${key} ${bytes}`).sort()];
  };
  expect(await shown('')).toEqual([['a', 'a-1'], ['ab 2']]);
  expect(await shown('a/')).toEqual([['b c', 'é'], ['1 3']]);
  expect(await shown('a-1/')).toEqual([['5'], []]);
  expect(await shown('a/é/')).toEqual([[], ['4 6']]);
  expect(await shown('nothing/')).toEqual([[], []]);
  const before = await store.describeObject('a/1');
  await store.put('a/1', Buffer.from('another'), { 'content-type': 'text/plain', 'cache-control': 'no-cache' });
  const now = await store.describeObject('a/1');
  expect(now).toMatchObject({ bytes: 7, contentType: 'text/plain', cacheControl: 'no-cache' });
  await expect(store.stream('a/1', undefined, before?.etag ?? null).next()).rejects.toMatchObject({ status: 412 });
  const { value } = await store.stream('a/1', { offset: 2, length: 3 }, now?.etag ?? null).next();
  expect(String(Buffer.from(value ?? []))).toBe('oth');
});

test('an error inside an answer of 200 is an error', async () => {
  disturb(99, is('POST', 'uploadId='), answer(200, '<Error><Code>InternalError</Code><Message>no</Message></Error>'));
  await expect(store.put('x', Buffer.alloc(PART_BYTES + 1))).rejects.toThrow('did not put x together');
});

test('signatures are checked, and what a person can do is said, never the keys', async () => {
  const secretKeyFile = `${s3.access.secretKeyFile}-wrong`;
  await writeFile(secretKeyFile, 'geheim\n');
  const wrong = new S3Blobs({ ...s3.access, secretKeyFile }, { name: s3.bucket, prefix: '' }, PATIENT);
  await expect(wrong.put('a', Buffer.from('x'))).rejects.toThrow(/403 SignatureDoesNotMatch.*check the secret key$/);
  await writeFile(secretKeyFile, 'S3RVER');
  await wrong.put('a', Buffer.from('x'));
  const unnamed = new S3Blobs(s3.access, { name: 'nowhere', prefix: '' }, PATIENT);
  await expect(unnamed.put('a', Buffer.from('x'))).rejects.toThrow(
    /404 NoSuchBucket.*make the bucket, or correct its name$/,
  );
  await expect(unnamed.stat('a')).rejects.toThrow(/404; check the name of the bucket/);
  await expect(unnamed.read('a', 0, 1)).rejects.toThrow('NoSuchBucket');
  await expect(unnamed.check()).rejects.toThrow(/bucket nowhere at .*404; check the name/);
  const nobody = new S3Blobs({ ...s3.access, endpoint: 'http://127.0.0.1:1' }, { name: 'kiln', prefix: '' }, PATIENT);
  await expect(nobody.check()).rejects.toThrow(/no whole answer .*ECONNREFUSED|bad port.*check blobs\.endpoint/);
  const keyless = new S3Blobs({ ...s3.access, accessKeyFile: null }, { name: 'kiln', prefix: '' }, PATIENT);
  await expect(keyless.check()).rejects.toThrow(
    'set blobs.access_key_file to a file with the key, or AWS_ACCESS_KEY_ID',
  );
  const lost = new S3Blobs({ ...s3.access, secretKeyFile: '/nonexistent/key' }, { name: 'kiln', prefix: '' }, PATIENT);
  await expect(lost.check()).rejects.toThrow(/blobs\.secret_key_file can't be read: ENOENT/);
});

test('a long list comes in pages, with every character of a key', async () => {
  const page = (keys: string[], next: string) =>
    `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${next !== ''}</IsTruncated>${keys
      .map(
        (key) =>
          `<Contents><Key>${key}</Key><Size>7</Size><LastModified>2026-05-07T14:32:11.000Z</LastModified></Contents>`,
      )
      .join('')}<NextContinuationToken>${next}</NextContinuationToken></ListBucketResult>`;
  const asked: (string | null)[] = [];
  s3.interrupt = (request, response) => {
    const query = new URL(request.url ?? '', s3.endpoint).searchParams;
    asked.push(query.get('continuation-token'));
    return answer(200, asked.length === 1 ? page(['a%26b', 'a+c'], 't+/=') : page(['a%2Bd'], ''))(request, response);
  };
  const found = [];
  for await (const { key, bytes } of store.list('a')) found.push([key, bytes]);
  expect(found).toEqual([
    ['a&b', 7],
    ['a c', 7],
    ['a+d', 7],
  ]);
  expect(asked).toEqual([null, 't+/=']);
  s3.interrupt = answer(200, '<html>a login page</html>');
  await expect(store.list('').next()).rejects.toThrow("sent a list that can't be read");
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BlobEntry, BlobMissing, type BlobStore } from './blob-store.ts';
import { FolderBlobs } from './folder.ts';
import { S3Blobs } from './s3.ts';
import { startS3, type TestS3 } from './testing-s3.ts';

/* What every place of blobs promises, asked of each. */

let s3: TestS3;
let folder: string;
beforeAll(async () => {
  s3 = await startS3();
  folder = await mkdtemp(join(tmpdir(), 'kiln-blobs-'));
});
afterAll(async () => {
  await s3.stop();
  await rm(folder, { recursive: true });
});

const MIB = 1024 * 1024;
const STORES: [string, () => BlobStore][] = [
  ['a folder', () => new FolderBlobs(join(folder, 'blobs'))],
  ['a bucket', () => new S3Blobs(s3.access, { name: s3.bucket, prefix: '' })],
  ['a part of a bucket', () => new S3Blobs(s3.access, { name: s3.bucket, prefix: 'farms/one/' })],
];

describe.each(STORES)('%s', (_name, open) => {
  let store: BlobStore;
  beforeAll(() => {
    store = open();
  });

  test('gives back what was put, whole and in parts', async () => {
    const begin = Date.now();
    expect(await store.put('logs/1/2.zst', Buffer.from('0123456789'))).toEqual({ bytes: 10 });
    expect(String(Buffer.from(await store.read('logs/1/2.zst', 0, 10)))).toBe('0123456789');
    expect(String(Buffer.from(await store.read('logs/1/2.zst', 3, 4)))).toBe('3456');
    expect(String(Buffer.from(await store.read('logs/1/2.zst', 8, 100)))).toBe('89');
    expect(await store.read('logs/1/2.zst', 10, 5)).toHaveLength(0);
    expect(await store.read('logs/1/2.zst', 99, 5)).toHaveLength(0);
    expect(await store.read('logs/1/2.zst', 3, 0)).toHaveLength(0);
    expect(await text(store.stream('logs/1/2.zst'))).toBe('0123456789');
    expect(await text(store.stream('logs/1/2.zst', { offset: 5, length: 2 }))).toBe('56');
    const info = await store.stat('logs/1/2.zst');
    expect(info?.bytes).toBe(10);
    expectSince(info?.modifiedAt, begin);
  });

  test('puts a stream, replaces, and keeps nothing as well', async () => {
    expect(await store.put('a/stream', pieces('one ', '', 'two'))).toEqual({ bytes: 7 });
    expect(await text(store.stream('a/stream'))).toBe('one two');
    await store.put('a/stream', Buffer.from('new'));
    expect(await text(store.stream('a/stream'))).toBe('new');
    expect(await store.put('a/empty', pieces())).toEqual({ bytes: 0 });
    expect(await store.put('a/empty', new Uint8Array())).toEqual({ bytes: 0 });
    expect(await store.stat('a/empty')).toMatchObject({ bytes: 0 });
    expect(await text(store.stream('a/empty'))).toBe('');
    expect(await store.read('a/empty', 0, 10)).toHaveLength(0);
  });

  test('says what is missing, and removes once or twice', async () => {
    await store.put('gone/soon', Buffer.from('x'));
    await store.remove('gone/soon');
    await store.remove('gone/soon');
    expect(await store.stat('gone/soon')).toBeNull();
    expect(await store.stat('never/was')).toBeNull();
    await expect(store.read('gone/soon', 0, 1)).rejects.toThrow(BlobMissing);
    await expect(store.read('gone/soon', 0, 0)).rejects.toThrow(BlobMissing);
    await expect(text(store.stream('gone/soon'))).rejects.toThrow(/^there is no gone\/soon in .*(folder|bucket)/);
    // The folder of another blob is none itself.
    await store.put('gone/deeper/one', Buffer.from('x'));
    await expect(text(store.stream('gone/deeper'))).rejects.toThrow(BlobMissing);
    expect(await store.stat('gone/deeper')).toBeNull();
  });

  test('lists what begins with a prefix', async () => {
    const begin = Date.now();
    const keys = ['list/b', 'list/a-b', 'list/a/1', 'list/a/0/x', 'list/é', 'list/a b+c%41=~', 'lists'];
    for (const key of keys) await store.put(key, Buffer.from(key));
    const listed = async (prefix: string) => (await all(store.list(prefix))).map(({ key }) => key).sort();
    const sorted = keys.slice(0, -1).sort();
    expect(await listed('list/')).toEqual(sorted);
    expect(await listed('list/a')).toEqual(sorted.filter((key) => key.startsWith('list/a')));
    expect(await listed('list/a/')).toEqual(['list/a/0/x', 'list/a/1']);
    expect(await listed('list/a/0/x')).toEqual(['list/a/0/x']);
    expect(await listed('nothing/here')).toEqual([]);
    expect(await listed('../')).toEqual([]);
    for (const key of keys) expect(await text(store.stream(key))).toBe(key);
    const [first] = await all(store.list('list/é'));
    expect(first?.bytes).toBe(7);
    expectSince(first?.modifiedAt, begin);
    expect((await all(store.list(''))).length).toBeGreaterThan(keys.length);
  });

  test('refuses keys that could lead elsewhere', async () => {
    for (const key of [
      '',
      '.',
      '..',
      '../x',
      'a/../../x',
      'a/./b',
      '/etc/passwd',
      'a//b',
      'a/',
      '.tmp/x',
      '.x',
      'a\\b',
      'a\0b',
      'a\nb',
      'x'.repeat(256),
      'x/'.repeat(500),
    ]) {
      const wrong = /^the blob key .* is refused: /;
      await expect(store.put(key, Buffer.from('x'))).rejects.toThrow(wrong);
      await expect(text(store.stream(key))).rejects.toThrow(wrong);
      await expect(store.read(key, 0, 1)).rejects.toThrow(wrong);
      await expect(store.stat(key)).rejects.toThrow(wrong);
      await expect(store.remove(key)).rejects.toThrow(wrong);
    }
  });

  test('takes 30 MiB in a stream, and gives them back in pieces', async () => {
    expect(await store.put('big', numbered(30 * 16))).toEqual({ bytes: 30 * MIB });
    let at = 0;
    for await (const chunk of store.stream('big')) {
      expect(chunk.length).toBeLessThan(MIB);
      // Every 64 KiB are filled with their number.
      for (let i = 0; i < chunk.length; i += 4096) {
        if (chunk[i] !== Math.floor((at + i) / 65_536) % 256) throw new Error(`wrong byte at ${at + i}`);
      }
      at += chunk.length;
    }
    expect(at).toBe(30 * MIB);
    const [a, b] = await store.read('big', 17 * 65_536 - 1, 2);
    expect([a, b]).toEqual([16, 17]);
  });

  test('shows one of many that are put at once, whole', async () => {
    const put = async (n: number) =>
      await store.put('race', pieces(...Array.from({ length: 50 }, () => String(n % 10).repeat(1000))));
    const writers = Array.from({ length: 10 }, (_, n) => put(n));
    let open = true;
    const ended = Promise.all(writers).finally(() => {
      open = false;
    });
    while (open) {
      const seen = await text(store.stream('race')).catch((error) => {
        if (error instanceof BlobMissing) return '';
        throw error;
      });
      expect([0, 50_000]).toContain(seen.length);
      expect(new Set(seen).size).toBeLessThan(2);
    }
    await ended;
    expect((await all(store.list('race'))).length).toBe(1);
  });

  test('keeps the old one when a stream fails, small or large', async () => {
    for (const size of [1, 12 * 16]) {
      await store.put(`failing/${size}`, Buffer.from('old'));
      const broken = async function* () {
        yield* numbered(size);
        throw new Error('the source broke');
      };
      await expect(store.put(`failing/${size}`, broken())).rejects.toThrow('the source broke');
      await expect(store.put(`fresh/${size}`, broken())).rejects.toThrow('the source broke');
      expect(await text(store.stream(`failing/${size}`))).toBe('old');
    }
    expect(await all(store.list('fresh/'))).toEqual([]);
  });

  test('can be left in the middle of a stream', async () => {
    await store.put('left', numbered(64));
    for await (const chunk of store.stream('left')) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await store.check();
    expect(store.describe()).toMatch(/kiln/);
  });
});

/** Holds a time of the store to the moment since which it can be; buckets tell whole seconds. */
function expectSince(modifiedAt: Date | undefined, begin: number): void {
  expect(modifiedAt?.getTime()).toBeGreaterThan(begin - 1000);
  expect(modifiedAt?.getTime()).toBeLessThanOrEqual(Date.now());
}

async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function all(list: AsyncIterable<BlobEntry>): Promise<BlobEntry[]> {
  const found: BlobEntry[] = [];
  for await (const entry of list) found.push(entry);
  return found;
}

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const one of texts) {
    await new Promise(setImmediate);
    yield Buffer.from(one);
  }
}

/** Pieces of 64 KiB, each filled with its number. */
async function* numbered(count: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n++) yield Buffer.alloc(65_536, n % 256);
}

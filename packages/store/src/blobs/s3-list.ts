import type { BlobEntry } from './blob-store.ts';
import type { S3Client } from './s3-client.ts';
import { isRecord, parseXml, S3Error } from './s3-error.ts';

/** The objects whose whole key begins with `prefix`, a thousand by a request. */
export async function* listBucket(client: S3Client, prefix: string): AsyncGenerator<BlobEntry> {
  for await (const { objects } of pages(client, { prefix })) yield* objects;
}

/** As a folder shows it: the objects whose whole key is `prefix` and a name without a slash, and the names that have more below. */
export async function listBelow(
  client: S3Client,
  prefix: string,
): Promise<{ folders: string[]; objects: BlobEntry[] }> {
  const found: { folders: string[]; objects: BlobEntry[] } = { folders: [], objects: [] };
  for await (const { folders, objects } of pages(client, { prefix, delimiter: '/' })) {
    found.folders.push(...folders.map((key) => key.slice(prefix.length, -1)));
    found.objects.push(...objects);
  }
  return found;
}

async function* pages(
  client: S3Client,
  asked: { prefix: string; delimiter?: string },
): AsyncGenerator<{ folders: string[]; objects: BlobEntry[] }> {
  for (let token: string | null = ''; token !== null; ) {
    const query = { 'list-type': '2', 'encoding-type': 'url', ...asked };
    const { text } = await client.text({
      method: 'GET',
      key: '',
      query: token === '' ? query : { ...query, 'continuation-token': token },
    });
    const result = parseXml(text)?.ListBucketResult;
    if (!isRecord(result)) throw unreadable(client, text);
    // A service that does not know the encoding says so by not repeating it.
    const decode = result.EncodingType === 'url' ? decodeKey : (key: string) => key;
    const entriesOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
    const objects = entriesOf(result.Contents).map((entry) => {
      if (!isRecord(entry) || typeof entry.Key !== 'string') throw unreadable(client, text);
      return { key: decode(entry.Key), bytes: Number(entry.Size), modifiedAt: new Date(String(entry.LastModified)) };
    });
    const folders = entriesOf(result.CommonPrefixes).map((entry) => {
      if (!isRecord(entry) || typeof entry.Prefix !== 'string') throw unreadable(client, text);
      return decode(entry.Prefix);
    });
    yield { folders, objects };
    const next = result.IsTruncated === 'true' ? result.NextContinuationToken : null;
    token = typeof next === 'string' && next !== '' ? next : null;
  }
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

function unreadable(client: S3Client, text: string): S3Error {
  return new S3Error(
    `${client.describe()} sent a list that can't be read; check that blobs.endpoint is an S3 service: ${text.slice(0, 200)}`,
    { status: 200, code: null },
  );
}

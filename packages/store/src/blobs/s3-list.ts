import type { BlobEntry } from './blob-store.ts';
import type { S3Client } from './s3-client.ts';
import { isRecord, parseXml, S3Error } from './s3-error.ts';

/** The objects whose whole key begins with `prefix`, a thousand by a request. */
export async function* listBucket(client: S3Client, prefix: string): AsyncGenerator<BlobEntry> {
  for (let token: string | null = ''; token !== null; ) {
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix };
    const { text } = await client.text({
      method: 'GET',
      key: '',
      query: token === '' ? query : { ...query, 'continuation-token': token },
    });
    const result = parseXml(text)?.ListBucketResult;
    if (!isRecord(result)) throw unreadable(client, text);
    // A service that does not know the encoding says so by not repeating it.
    const decode = result.EncodingType === 'url' ? decodeKey : (key: string) => key;
    for (const entry of Array.isArray(result.Contents) ? result.Contents : []) {
      if (!isRecord(entry) || typeof entry.Key !== 'string') throw unreadable(client, text);
      yield { key: decode(entry.Key), bytes: Number(entry.Size), modifiedAt: new Date(String(entry.LastModified)) };
    }
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

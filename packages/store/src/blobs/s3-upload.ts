import type { S3Client } from './s3-client.ts';
import { errorOf, isRecord, parseXml, refusal, S3Error } from './s3-error.ts';

/** Parts are this large, so an upload holds as much in memory. S3 wants 5 MiB at least, and some services all parts equal. */
export const PART_BYTES = 8 * 1024 * 1024;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const MOST_PARTS = 10_000;

/** What an object says about itself when it is fetched: Content-Type and the like. */
export type ObjectHeaders = Record<string, string>;

/**
 * Uploads a stream whole or not at all: at once where it fits into one part, else in parts that the service puts together at
 * the end. When it fails the parts are removed. Those of a killed process stay, unseen, until a rule of the bucket removes them.
 */
export async function upload(
  client: S3Client,
  key: string,
  source: Uint8Array | AsyncIterable<Uint8Array>,
  headers: ObjectHeaders = {},
): Promise<{ bytes: number }> {
  const parts = inParts(source);
  try {
    const first = await parts.next();
    const body = first.done ? new Uint8Array() : first.value;
    if (body.length === PART_BYTES) return await uploadInParts(client, key, body, parts, headers);
    await client.text({ method: 'PUT', key, body, headers });
    return { bytes: body.length };
  } finally {
    // Closes the source, wherever it stopped.
    await parts.return(undefined);
  }
}

async function uploadInParts(
  client: S3Client,
  key: string,
  first: Uint8Array<ArrayBuffer>,
  rest: AsyncIterable<Uint8Array<ArrayBuffer>>,
  headers: ObjectHeaders,
): Promise<{ bytes: number }> {
  const uploadId = await begin(client, key, headers);
  try {
    const tags = [await uploadPart(client, key, uploadId, 1, first)];
    let bytes = first.length;
    for await (const part of rest) {
      if (tags.length === MOST_PARTS) {
        throw new Error(
          `${key} is larger than ${(MOST_PARTS * PART_BYTES) / 2 ** 30} GiB, which is the most for one blob`,
        );
      }
      tags.push(await uploadPart(client, key, uploadId, tags.length + 1, part));
      bytes += part.length;
    }
    await complete(client, key, uploadId, tags, bytes);
    return { bytes };
  } catch (error) {
    // The upload failed already; parts that can't be removed either cost room until the bucket's rule removes them.
    await client.text({ method: 'DELETE', key, query: { uploadId } }).catch(() => undefined);
    throw error;
  }
}

/** Cuts a stream into pieces of PART_BYTES; the last one is what is left. */
async function* inParts(source: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (source instanceof Uint8Array) {
    for (let at = 0; at < source.length; at += PART_BYTES) yield Buffer.from(source.subarray(at, at + PART_BYTES));
    return;
  }
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + PART_BYTES - size);
      gathered.push(piece);
      size += piece.length;
      at += piece.length;
      if (size < PART_BYTES) continue;
      yield Buffer.concat(gathered);
      gathered = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(gathered);
}

async function begin(client: S3Client, key: string, headers: ObjectHeaders): Promise<string> {
  const { text } = await client.text({ method: 'POST', key, query: { uploads: '' }, headers });
  const result = parseXml(text)?.InitiateMultipartUploadResult;
  if (isRecord(result) && typeof result.UploadId === 'string') return result.UploadId;
  throw unexpected(client, `began no upload of ${key}`, text);
}

async function uploadPart(
  client: S3Client,
  key: string,
  uploadId: string,
  number: number,
  body: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const query = { partNumber: String(number), uploadId };
  const { headers } = await client.text({ method: 'PUT', key, query, body });
  const tag = headers.get('etag');
  if (tag) return tag;
  throw unexpected(client, `gave no ETag for part ${number} of ${key}`, '');
}

async function complete(
  client: S3Client,
  key: string,
  uploadId: string,
  tags: readonly string[],
  bytes: number,
): Promise<void> {
  const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`);
  const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
  try {
    const { text } = await client.text({ method: 'POST', key, query: { uploadId }, body });
    // It may begin with 200 and find out later that it can't.
    if (errorOf(text).code) throw refusal(`${client.describe()} did not put ${key} together`, 200, text);
  } catch (error) {
    // The try before may have done it, with an answer that was lost.
    if (error instanceof S3Error && error.code === 'NoSuchUpload' && (await sizeOf(client, key)) === bytes) return;
    throw error;
  }
}

async function sizeOf(client: S3Client, key: string): Promise<number> {
  const { headers } = await client.text({ method: 'HEAD', key });
  return Number(headers.get('content-length'));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function unexpected(client: S3Client, what: string, body: string): S3Error {
  const said = body === '' ? '' : `: ${body.slice(0, 200)}`;
  return new S3Error(`${client.describe()} ${what}; check that blobs.endpoint is an S3 service${said}`, {
    status: 200,
    code: null,
  });
}

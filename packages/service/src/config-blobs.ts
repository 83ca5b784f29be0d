/** Where bulk is kept: an absolute folder, or a place in a bucket. */
export type BlobsPlace = { folder: string } | { bucket: BucketPlace };

/** A bucket, and what the keys in it begin with: `''`, or parts with a slash after each, such as `farms/one/`. */
export interface BucketPlace {
  name: string;
  prefix: string;
}

/** How an S3 service is reached. Without key files, the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY count. */
export interface S3Access {
  /** Base address without a slash at the end; null: Amazon's own, in the region. */
  endpoint: string | null;
  region: string;
  accessKeyFile: string | null;
  secretKeyFile: string | null;
  /** Whether the bucket is in the path of an address, not in its host name. */
  pathStyle: boolean;
}

const S3 = 's3://';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Characters that every S3 and every proxy leaves as they are. */
const PREFIX = /^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*$/;
/** Of the 1024 bytes that a key may have. */
const LONGEST_PREFIX = 200;

/** What is wrong with an address such as `s3://bucket/prefix`, or null. */
export function bucketProblem(url: string): string | null {
  if (!url.startsWith(S3)) return `"${url}" is not an address that begins with s3://, such as s3://kiln/farm-1`;
  const { name, prefix } = bucketOf(url);
  if (!BUCKET.test(name)) {
    return `"${url}" does not name a bucket: 3 to 63 lower-case letters, digits, dots and hyphens come after s3://`;
  }
  if (PREFIX.test(prefix) && prefix.length <= LONGEST_PREFIX) return null;
  return `"${url}": what comes after the bucket may have letters, digits, . _ - and /, at most ${LONGEST_PREFIX} characters`;
}

/** The bucket that an address without a problem names. */
export function bucketOf(url: string): BucketPlace {
  const [name = '', ...parts] = url.slice(S3.length).replace(/\/+$/, '').split('/');
  return { name, prefix: parts.map((part) => `${part}/`).join('') };
}

/** What is wrong with `blobs.url`, which is a folder or a bucket; or null. */
export function blobsUrlProblem(url: string): string | null {
  return url.includes('://') ? bucketProblem(url) : null;
}

/** Whether text names a bucket and not a folder. */
export function isBucket(url: string): boolean {
  return url.startsWith(S3);
}

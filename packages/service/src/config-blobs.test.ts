import { expect, test } from 'vitest';
import { loadConfig } from './config.ts';

async function load(settings: Record<string, string>, env: Record<string, string> = {}) {
  return await loadConfig({ dataDir: '/nonexistent/kiln', env: { ...env, ...settings } });
}
async function complaint(settings: Record<string, string>): Promise<string> {
  return await load(settings).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

test('blobs are in a folder or in a bucket, which is reached as programs for S3 usually are told', async () => {
  expect((await load({ KILN_BLOBS_URL: 'b' })).blobs).toEqual({ folder: '/nonexistent/kiln/b' });
  expect((await load({ KILN_BLOBS_URL: 's3://kiln' })).blobs).toEqual({ bucket: { name: 'kiln', prefix: '' } });
  const env = { AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL: 'http://minio:9000' };
  expect((await load({ KILN_BLOBS_URL: 's3://kiln/a/b' }, env)).s3).toEqual({
    endpoint: 'http://minio:9000',
    region: 'eu-central-1',
    accessKeyFile: null,
    secretKeyFile: null,
    pathStyle: true,
  });
});

test('a bucket that can be none is refused with what it should be', async () => {
  for (const url of ['s3://', 's3://K', 's3://ab', 's3://a_b/c', 's3:///prefix', 's3://-abc']) {
    expect(await complaint({ KILN_BLOBS_URL: url })).toMatch(
      /^KILN_BLOBS_URL: blobs\.url: "s3:.*" does not name a bucket/,
    );
  }
  for (const url of [
    's3://kiln/../x',
    's3://kiln//x',
    's3://kiln/.x',
    's3://kiln/a b',
    `s3://kiln/${'x'.repeat(201)}`,
  ]) {
    expect(await complaint({ KILN_BLOBS_URL: url })).toContain('what comes after the bucket may have letters');
  }
  expect(await complaint({ KILN_BLOBS_URL: 'https://minio/kiln' })).toContain(
    'is not an address that begins with s3://',
  );
  expect(await complaint({ KILN_REPOSITORIES_BUCKET: '/srv/packages' })).toContain('begins with s3://');
  expect(await complaint({ KILN_BLOBS_ENDPOINT: 'minio:9000' })).toContain('begins with http:// or https://');
});

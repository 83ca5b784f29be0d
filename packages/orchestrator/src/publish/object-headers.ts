/** By the end of a name, what it is to those who fetch it. */
const TYPES: readonly [RegExp, string][] = [
  [/\.json$/, 'application/json'],
  [/\.deb$/, 'application/vnd.debian.binary-package'],
  [/\.t?gz$/, 'application/gzip'],
  [/\.(asc|pem|sig|gpg|txt)$|\/(SHA256SUMS|Packages|Release|InRelease)$/, 'text/plain; charset=utf-8'],
];

/**
 * How an object of a repository is kept by browsers, proxies and CDNs in front of a bucket: what never changes for a year,
 * anything else is asked for each time.
 */
export function describeObject(key: string): Record<string, string> {
  const type = TYPES.find(([pattern]) => pattern.test(key))?.[1] ?? 'application/octet-stream';
  const fixed = /^active\/pool\/.+\/|\/by-hash\//.test(key);
  return {
    'content-type': type,
    'cache-control': fixed ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
}

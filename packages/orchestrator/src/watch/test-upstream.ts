import type { CompiledUpstream } from './match.ts';

/** A compiled upstream for tests, with everything that is not given as the loader's defaults. */
export function testUpstream(more: Partial<CompiledUpstream> = {}): CompiledUpstream {
  return {
    git: 'https://example.org/owner/name.git',
    tags: '^(?:v(?<version>\\d.*))$',
    versionTemplate: '${version}',
    minVersion: null,
    pollMs: 900_000,
    jitter: 0.1,
    webhook: true,
    repository: 'owner/name',
    firstSight: 1,
    ...more,
  };
}

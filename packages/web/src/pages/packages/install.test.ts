import type { PackageSummary } from '@kiln/protocol/api.ts';
import { beforeAll, describe, expect, it, vi } from 'vitest';

const made: PackageSummary = {
  repository: 'main',
  package: 'libfoo',
  version: '1:2.0~rc1+a',
  recipe: 'libfoo',
  runId: '11111111-1111-4111-8111-111111111111',
  publishedAt: '2026-01-01T00:00:00Z',
  active: true,
  files: [
    { name: 'libfoo_2.0_amd64.deb', bytes: 1, sha256: 'aa' },
    { name: "it's here.txt", bytes: 1, sha256: 'bb' },
  ],
};

describe('how a package is installed', () => {
  let install: typeof import('./install.ts');

  beforeAll(async () => {
    vi.stubGlobal('document', { baseURI: 'https://farm.example.com/kiln/' });
    install = await import('./install.ts');
  });

  it('finds a file where the archive keeps it, whatever its version is', () => {
    expect(install.versionFolder('1:2.0~rc1+a')).toBe('1%3A2.0~rc1+a');
    expect(install.versionFolder('.hidden/ü')).toBe('%2Ehidden%2F%C3%BC');
    expect(made.files.map((file) => install.fileUrl(made, file))).toEqual([
      'https://farm.example.com/kiln/repo/main/archive/libfoo/1%253A2.0~rc1%2Ba/libfoo_2.0_amd64.deb',
      "https://farm.example.com/kiln/repo/main/archive/libfoo/1%253A2.0~rc1%2Ba/it's%20here.txt",
    ]);
  });

  it('gives lines that a shell takes as they are', () => {
    expect(install.curlLines(made).split('\n')[2]).toMatch(/^curl -fsSL -o 'it'\\''s here\.txt' 'https:/);
    const { add, install: line } = install.aptLines(made);
    expect(add).toContain(
      'signed-by=/etc/apt/keyrings/kiln-main.asc] https://farm.example.com/kiln/repo/main/active stable main',
    );
    expect(line).toBe('sudo apt-get update && sudo apt-get install libfoo');
  });
});

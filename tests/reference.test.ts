import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { referenceFiles } from '../scripts/generate-reference.ts';

test.each([...referenceFiles()])(
  'docs/reference/%s is what packages/protocol says; if not: node scripts/generate-reference.ts',
  async (name, text) => {
    expect(await readFile(new URL(`../docs/reference/${name}`, import.meta.url), 'utf8')).toBe(text);
  },
);

import { glob, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ERRORS, STREAM_ERRORS } from '@kiln/protocol/errors.ts';
import { beforeAll, expect, test } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../packages', import.meta.url));
/** The tiers that answer requests. That they answer with codes of the table only is for their types to check. */
const SOURCES = '{service,store,platform,orchestrator}/src/**/*.ts';

let answered: Set<string>;
beforeAll(async () => {
  answered = new Set();
  for await (const path of glob(SOURCES, { cwd: PACKAGES })) {
    if (/(\.test|testing[\w-]*|test-[\w-]+)\.ts$/.test(path)) continue;
    const text = await readFile(`${PACKAGES}/${path}`, 'utf8');
    for (const [, word = ''] of text.matchAll(/'([a-z_]+)'/g)) answered.add(word);
  }
});

test.each(Object.keys({ ...ERRORS, ...STREAM_ERRORS }))('the code %s is one that something answers with', (code) => {
  expect(answered).toContain(code);
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METRICS } from './metrics-table.ts';

test('docs/hosts.md lists every metric as the table has it, and no other', () => {
  const text = readFileSync(new URL('../../../docs/hosts.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(systemd_\w+)` +\| (\w+) +\| ([\w, ]+?) +\| (.*?) +\|$/gm)];
  expect(rows.map(([, name, type, labels, help]) => ({ name, type, labels, help }))).toEqual(
    Object.entries(METRICS).map(([name, { type, labels, help }]) => ({ name, type, labels: labels.join(', '), help })),
  );
});

import { IconBox } from '@tabler/icons-react';
import { describe, expect, it } from 'vitest';
import { findEntries, type PaletteEntry } from './palette-find.ts';

const entry = (group: PaletteEntry['group'], label: string, hint?: string): PaletteEntry => ({
  id: `${group} ${label}`,
  group,
  label,
  icon: IconBox,
  go: () => undefined,
  ...(hint ? { hint } : {}),
});

const ENTRIES = [
  entry('Pages', 'Runs', 'g r'),
  entry('Actions', 'Run recipe…'),
  entry('Recipes', 'nginx', 'The web server'),
  entry('Actions', 'Run nginx…'),
  ...Array.from({ length: 20 }, (_, n) => entry('Runs', `nginx 1.${n}.0-1`, 'Complete · 0a1b2c3d')),
];

const find = (query: string) => findEntries(ENTRIES, query, () => undefined).map(({ label }) => label);

describe('what the palette offers', () => {
  it('puts the recipe before what can be done with it, and a few of its runs after', () => {
    const found = find('ngin');
    expect(found.slice(0, 2)).toEqual(['nginx', 'Run nginx…']);
    expect(found.length).toBe(9);
  });

  it('takes words in any order, from labels and descriptions', () => {
    expect(find('nginx run')[0]).toBe('Run nginx…');
    expect(find('web')).toEqual(['nginx']);
    expect(find('r')).toContain('Runs');
    expect(find('1.7')).toEqual(['nginx 1.7.0-1']);
    expect(find('nothing like it')).toEqual([]);
  });

  it('offers the story of an id', () => {
    expect(find('7ef48942-5e82')[0]).toBe('Trace 7ef48942-5e82');
    expect(find('0a1b2c3d')[0]).toBe('Trace 0a1b2c3d');
  });
});

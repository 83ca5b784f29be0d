import { IconRoute } from '@tabler/icons-react';

/** One thing that the palette can go to or do. */
export interface PaletteEntry {
  id: string;
  group: (typeof GROUPS)[number];
  label: string;
  hint?: string;
  icon: typeof IconRoute;
  go: () => void;
}

/** Looks like (the beginning of) an id that the farm gives out. */
const ID = /^[0-9a-f]{8}(-[0-9a-f-]*)?$/i;

/** In the order in which they are offered. */
const GROUPS = ['Pages', 'Recipes', 'Actions', 'Runs', 'Hosts', 'Packages'] as const;
const MOST_OF_A_GROUP = 7;

/**
 * The entries that have every word of the query, in groups, in each the best first: those whose label begins with it,
 * then those with a word that begins with it. An id is offered as a trace, first. Without a query: pages, actions and a few runs.
 */
export function findEntries(entries: PaletteEntry[], query: string, trace: (id: string) => void): PaletteEntry[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') {
    const first = entries.filter(
      ({ group, id }) => group === 'Pages' || /^action (Run recipe…|Colours|Keyboard)/.test(id),
    );
    return [...first, ...entries.filter(({ group }) => group === 'Runs').slice(0, 6)];
  }
  const words = wanted.split(/\s+/);
  const found = GROUPS.flatMap((group) =>
    entries
      .filter((each) => each.group === group)
      .map((each) => ({ each, score: scoreOf(each, wanted, words) }))
      .filter(({ score }) => score > 0)
      .toSorted((a, b) => b.score - a.score)
      .slice(0, MOST_OF_A_GROUP)
      .map(({ each }) => each),
  );
  if (!ID.test(wanted)) return found;
  const id = query.trim();
  const story: PaletteEntry = {
    id: 'trace',
    group: 'Actions',
    label: `Trace ${id}`,
    icon: IconRoute,
    go: () => trace(id),
  };
  return [story, ...found];
}

function scoreOf({ group, label, hint, id }: PaletteEntry, wanted: string, words: string[]): number {
  const name = label.toLowerCase();
  // The hints of pages and actions are keys, not words.
  const all =
    group === 'Pages' || group === 'Actions' ? name : `${name} ${hint?.toLowerCase() ?? ''} ${id.toLowerCase()}`;
  if (!words.every((word) => all.includes(word))) return 0;
  if (name === wanted) return 5;
  if (name.startsWith(wanted)) return 4;
  if (words.every((word) => beginsAWord(name, word))) return 3;
  return words.every((word) => name.includes(word)) ? 2 : 1;
}

function beginsAWord(text: string, word: string): boolean {
  const at = text.indexOf(word);
  return at === 0 || (at > 0 && !/[a-z0-9]/.test(text[at - 1] ?? ''));
}

import {
  IconBox,
  IconFileText,
  IconKeyboard,
  IconLogout,
  IconPlayerPlay,
  IconRefresh,
  IconRoute,
  IconSun,
} from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { actions } from '../api/actions.ts';
import { queries } from '../api/queries.ts';
import { statusWord } from '../parts/status.tsx';
import { tell, tellFailure } from '../parts/tell.tsx';
import { PLACES } from './places.ts';
import { useNextScheme } from './scheme-toggle.tsx';
import type { Shell } from './shell-context.ts';
import { signOut } from './sidebar.tsx';

/** One thing that the palette can go to or do. */
export interface PaletteEntry {
  id: string;
  group: (typeof GROUPS)[number];
  label: string;
  hint?: string;
  icon: typeof IconBox;
  go: () => void;
}

/** Everything that can be reached, in the order in which it is offered. */
export function usePaletteEntries(shell: Shell): PaletteEntry[] {
  const navigate = useNavigate();
  const scheme = useNextScheme();
  const recipes = useQuery(queries.recipes).data?.recipes ?? [];
  const runs = useQuery(queries.recentRuns).data?.runs ?? [];
  const packages = useInfiniteQuery(queries.packages).data?.pages[0]?.packages ?? [];
  const poll = (name: string) =>
    actions.pollRecipe(name).then(
      () => tell(`Looking at the upstream of ${name}`),
      (error: unknown) => tellFailure(`${name} could not be polled`, error),
    );
  return [
    ...PLACES.map(
      ({ to, label, icon, key }): PaletteEntry => ({
        id: `page ${to}`,
        group: 'Pages',
        label,
        hint: `g ${key}`,
        icon,
        go: () => void navigate({ to }),
      }),
    ),
    entry('Run recipe…', IconPlayerPlay, () => shell.openRunDialog()),
    entry(`Colours: change to ${scheme.next}`, IconSun, scheme.turn),
    entry('Keyboard shortcuts', IconKeyboard, shell.openHelp, '?'),
    entry('Sign out', IconLogout, () => void signOut()),
    ...recipes.map(
      ({ name, description }): PaletteEntry => ({
        id: `recipe ${name}`,
        group: 'Recipes',
        label: name,
        ...(description ? { hint: description } : {}),
        icon: IconFileText,
        go: () => void navigate({ to: '/recipes/$name', params: { name } }),
      }),
    ),
    ...recipes.flatMap(({ name, upstream }) => [
      entry(`Run ${name}…`, IconPlayerPlay, () => shell.openRunDialog(name)),
      ...(upstream ? [entry(`Poll the upstream of ${name}`, IconRefresh, () => void poll(name))] : []),
    ]),
    ...runs.map(
      (run): PaletteEntry => ({
        id: `run ${run.runId}`,
        group: 'Runs',
        label: `${run.recipe} ${run.version}`,
        hint: `${statusWord(run.status)} · ${run.runId.slice(0, 8)}`,
        icon: IconPlayerPlay,
        go: () => void navigate({ to: '/runs/$runId', params: { runId: run.runId } }),
      }),
    ),
    ...packages.map(
      (made): PaletteEntry => ({
        id: `package ${made.repository} ${made.package} ${made.version}`,
        group: 'Packages',
        label: `${made.package} ${made.version}`,
        hint: made.repository,
        icon: IconBox,
        go: () => void navigate({ to: '/packages', search: { q: made.package } }),
      }),
    ),
  ];
}

function entry(label: string, icon: typeof IconBox, go: () => void, hint?: string): PaletteEntry {
  return { id: `action ${label}`, group: 'Actions', label, icon, go, ...(hint ? { hint } : {}) };
}

/** Looks like (the beginning of) an id that the farm gives out. */
const ID = /^[0-9a-f]{8}(-[0-9a-f-]*)?$/i;

/** In the order in which they are offered. */
const GROUPS = ['Pages', 'Recipes', 'Actions', 'Runs', 'Packages'] as const;
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

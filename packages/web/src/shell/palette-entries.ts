import {
  IconBox,
  IconCpu,
  IconFileText,
  IconKeyboard,
  IconLogout,
  IconPlayerPlay,
  IconRefresh,
  IconSun,
} from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { actions } from '../api/actions.ts';
import { queries } from '../api/queries.ts';
import { hostQueries } from '../pages/hosts/queries.ts';
import { statusWord } from '../parts/status.tsx';
import { tell, tellFailure } from '../parts/tell.tsx';
import type { PaletteEntry } from './palette-find.ts';
import { PLACES } from './places.ts';
import { useNextScheme } from './scheme-toggle.tsx';
import type { Shell } from './shell-context.ts';
import { signOut } from './sidebar.tsx';

/** Everything that can be reached, in the order in which it is offered. */
export function usePaletteEntries(shell: Shell): PaletteEntry[] {
  const navigate = useNavigate();
  const scheme = useNextScheme();
  const recipes = useQuery(queries.recipes).data?.recipes ?? [];
  const runs = useQuery(queries.recentRuns).data?.runs ?? [];
  const packages = useInfiniteQuery(queries.packages).data?.pages[0]?.packages ?? [];
  const hosts = useQuery(hostQueries.all).data?.hosts ?? [];
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
    ...hosts.map(
      ({ host }): PaletteEntry => ({
        id: `host ${host}`,
        group: 'Hosts',
        label: host,
        icon: IconCpu,
        go: () => void navigate({ to: '/hosts/$host', params: { host } }),
      }),
    ),
    ...hosts.flatMap(({ rows }) =>
      rows.map(
        ({ host, unit }): PaletteEntry => ({
          id: `unit ${host} ${unit}`,
          group: 'Hosts',
          label: unit,
          hint: host,
          icon: IconCpu,
          go: () => void navigate({ to: '/hosts/$host/units/$unit', params: { host, unit } }),
        }),
      ),
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

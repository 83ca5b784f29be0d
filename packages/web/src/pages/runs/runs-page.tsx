import { RUN_STATUSES } from '@kiln/protocol/states.ts';
import { Button, CloseButton, Select, TextInput } from '@mantine/core';
import { IconPlayerPlay, IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { queries, type RunFilters } from '../../api/queries.ts';
import { formatCount, plural } from '../../parts/format.ts';
import { useListKeys } from '../../parts/keys.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { RunLines } from '../../parts/run-line.tsx';
import { statusWord } from '../../parts/status.tsx';
import { useShell } from '../../shell/shell-context.ts';
import css from './runs.module.css';

const route = getRouteApi('/app/runs');
const TYPING_MS = 300;

/** Every run that there was, newest first. */
export function RunsPage() {
  const shell = useShell();
  const filters = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(queries.runs(filters));
  const list = useRef<HTMLDivElement>(null);
  useListKeys(list);
  const set = (change: { [K in keyof RunFilters]: RunFilters[K] | undefined }) =>
    void navigate({ search: (before) => clean({ ...before, ...change }), replace: true });
  const filtered = Object.keys(filters).length > 0;
  return (
    <Page
      title="Runs"
      actions={
        <Button leftSection={<IconPlayerPlay size={15} />} onClick={() => shell.openRunDialog()}>
          Run recipe…
        </Button>
      }
    >
      <Filters filters={filters} set={set} />
      <div ref={list}>
        <Loaded query={query} what="The runs" skeleton={<SkeletonRows rows={14} />}>
          {({ pages }) => {
            const runs = pages.flatMap((page) => page.runs);
            const total = pages[0]?.total ?? 0;
            if (runs.length === 0) return <NoRuns filtered={filtered} clear={() => void navigate({ search: {} })} />;
            return (
              <Section title={filtered ? `${formatCount(total)} of these` : plural(total, 'run')}>
                <RunLines runs={runs} />
                {query.hasNextPage && (
                  <Button
                    mt="md"
                    loading={query.isFetchingNextPage}
                    onClick={() => void query.fetchNextPage()}
                    data-item
                  >
                    Show more ({formatCount(total - runs.length)} older)
                  </Button>
                )}
              </Section>
            );
          }}
        </Loaded>
      </div>
    </Page>
  );
}

function Filters({
  filters,
  set,
}: {
  filters: RunFilters;
  set: (change: { [K in keyof RunFilters]: RunFilters[K] | undefined }) => void;
}) {
  const recipes = useQuery(queries.recipes).data?.recipes ?? [];
  const [version, setVersion] = useState(filters.version ?? '');
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what was typed counts, when the typing rests
  useEffect(() => {
    const timer = setTimeout(() => {
      if (version.trim() !== (filters.version ?? '')) set({ version: version.trim() || undefined });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [version]);
  useEffect(() => setVersion(filters.version ?? ''), [filters.version]);
  return (
    <search className={css.filters}>
      <Select
        aria-label="Status"
        placeholder="Any status"
        clearable
        data={RUN_STATUSES.map((status) => ({ value: status, label: statusWord(status) }))}
        value={filters.status ?? null}
        onChange={(status) => set({ status: RUN_STATUSES.find((each) => each === status) })}
      />
      <Select
        aria-label="Recipe"
        placeholder="Any recipe"
        clearable
        searchable
        data={[...new Set([...recipes.map(({ name }) => name), ...(filters.recipe ? [filters.recipe] : [])])]}
        value={filters.recipe ?? null}
        onChange={(recipe) => set({ recipe: recipe ?? undefined })}
      />
      <TextInput
        aria-label="Version, whole"
        placeholder="Version, such as 1.27.0-1"
        leftSection={<IconSearch size={14} />}
        rightSection={version && <CloseButton size="xs" aria-label="Any version" onClick={() => setVersion('')} />}
        value={version}
        onChange={(event) => setVersion(event.currentTarget.value)}
        data-search
      />
    </search>
  );
}

function NoRuns({ filtered, clear }: { filtered: boolean; clear: () => void }) {
  const shell = useShell();
  if (filtered) {
    return (
      <Empty title="No run is like that" action={<Button onClick={clear}>Show all runs</Button>}>
        Take a filter away, or look for another version.
      </Empty>
    );
  }
  return (
    <Empty
      title="Nothing has run yet"
      action={
        <Button variant="filled" onClick={() => shell.openRunDialog()}>
          Run recipe…
        </Button>
      }
    >
      Runs begin by themselves when a watched upstream has a new tag. Or start one now.
    </Empty>
  );
}

function clean(filters: { [K in keyof RunFilters]: RunFilters[K] | undefined }): RunFilters {
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
}

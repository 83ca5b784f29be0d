import type { PackageSummary } from '@kiln/protocol/api.ts';
import { Button, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useRef } from 'react';
import { queries } from '../../api/queries.ts';
import { plural } from '../../parts/format.ts';
import { useListKeys } from '../../parts/keys.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { groupPackages } from './group.ts';
import { PackageLine } from './package-line.tsx';
import css from './packages.module.css';

const route = getRouteApi('/app/packages');

/** What was published, from which run, and how to install it. */
export function PackagesPage() {
  const query = useInfiniteQuery(queries.packages);
  const { q = '', open } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRef<HTMLDivElement>(null);
  useListKeys(list);
  return (
    <Page title="Packages" lead="What the farm has published. The archive keeps every version">
      <Loaded query={query} what="The packages" skeleton={<SkeletonRows rows={8} height={28} />}>
        {({ pages }) => {
          const packages = pages.flatMap((page) => page.packages);
          if (packages.length === 0) {
            return (
              <Empty title="Nothing is published yet">
                A run whose recipe has <code>publish</code> puts its files into a repository when it is complete. From
                there they can be fetched with curl, and <code>.deb</code> files installed with apt.
              </Empty>
            );
          }
          const shown = packages.filter((made) => matches(made, q.toLowerCase()));
          return (
            <>
              <TextInput
                aria-label="Search packages"
                placeholder="Package, version or recipe"
                leftSection={<IconSearch size={14} />}
                w={260}
                value={q}
                onChange={({ currentTarget: { value } }) =>
                  void navigate({
                    search: ({ q: was, ...rest }) => (value ? { ...rest, q: value } : rest),
                    replace: true,
                  })
                }
                data-search
              />
              <div ref={list} className={css.repositories}>
                {shown.length === 0 && <Empty title={`No package has “${q}”`}>Try a part of its name.</Empty>}
                {groupPackages(shown).map((repository) => (
                  <Section
                    key={repository.name}
                    title={`Repository ${repository.name}`}
                    note={plural(repository.packages.length, 'package')}
                  >
                    <ul>
                      {repository.packages.map((group) => {
                        const id = `${repository.name}/${group.name}`;
                        return (
                          <PackageLine
                            key={id}
                            group={group}
                            open={open === id}
                            toggle={() =>
                              void navigate({
                                search: ({ open: was, ...rest }) => (was === id ? rest : { ...rest, open: id }),
                                replace: true,
                              })
                            }
                          />
                        );
                      })}
                    </ul>
                  </Section>
                ))}
              </div>
              {query.hasNextPage && (
                <Button
                  style={{ alignSelf: 'flex-start' }}
                  loading={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  Show older ones
                </Button>
              )}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function matches(made: PackageSummary, wanted: string): boolean {
  return `${made.package} ${made.version} ${made.recipe} ${made.repository}`.toLowerCase().includes(wanted);
}

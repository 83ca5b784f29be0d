import type { HostList } from '@kiln/protocol/hosts.ts';
import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { plural } from '../../parts/format.ts';
import { useListKeys } from '../../parts/keys.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { HostHealth, MassRestarts } from './host-health.tsx';
import css from './hosts.module.css';
import { hostQueries } from './queries.ts';
import { Setup } from './setup.tsx';
import { UnitLines } from './unit-line.tsx';

const route = getRouteApi('/app/hosts');

/** Are the machines underneath well? */
export function HostsPage() {
  const query = useQuery(hostQueries.all);
  const { q = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRef<HTMLDivElement>(null);
  useListKeys(list);
  return (
    <Page title="Hosts" lead="The machines underneath, and the systemd units that the farm depends on">
      <Loaded query={query} what="The hosts" skeleton={<SkeletonRows rows={8} height={32} />}>
        {({ hosts, now }) => {
          if (hosts.length === 0) {
            return (
              <Empty title="No host has sent a heartbeat yet">
                <p>
                  A heartbeat is a small program that a timer starts every 30 seconds. It tells how the systemd units of
                  its machine are, and ends.
                </p>
                <Setup />
              </Empty>
            );
          }
          return (
            <>
              <TextInput
                aria-label="Search hosts and units"
                placeholder="Host or unit"
                leftSection={<IconSearch size={14} />}
                w={240}
                value={q}
                onChange={({ currentTarget: { value } }) =>
                  void navigate({ search: value ? { q: value } : {}, replace: true })
                }
                data-search
              />
              <div ref={list} className={css.hosts}>
                {troubleFirst(narrowed(hosts, q.toLowerCase())).map((host) => (
                  <HostSection key={host.host} host={host} now={now} />
                ))}
                {narrowed(hosts, q.toLowerCase()).length === 0 && (
                  <Empty title={`No host and no unit in sight has “${q}” in its name`}>
                    The page of a host searches all of its units.
                  </Empty>
                )}
              </div>
              <details className={css.more}>
                <summary>Add a host</summary>
                <Setup />
              </details>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

type Host = HostList['hosts'][number];

function HostSection({ host, now }: { host: Host; now: string }) {
  const units = Object.values(host.units).reduce((sum, count) => sum + count, 0) + host.others;
  return (
    <Section
      title={host.host}
      note={host.restarts24h > 0 ? `${plural(host.restarts24h, 'restart')} in 24 hours` : undefined}
      aside={
        <Link to="/hosts/$host" params={{ host: host.host }}>
          {units > host.rows.length ? `All ${plural(units, 'unit')}` : 'Open'}
        </Link>
      }
    >
      <HostHealth host={host} />
      <MassRestarts events={host.massRestarts} />
      <UnitLines rows={host.rows} now={now} silent={host.health === 'silent'} />
    </Section>
  );
}

const ORDER = { silent: 0, trouble: 1, ok: 2 } as const;

function troubleFirst(hosts: readonly Host[]): readonly Host[] {
  return hosts.toSorted((a, b) => ORDER[a.health] - ORDER[b.health]);
}

/** The hosts whose name fits, and of the others the units whose name fits. */
function narrowed(hosts: readonly Host[], wanted: string): readonly Host[] {
  if (wanted === '') return hosts;
  return hosts.flatMap((host) => {
    if (host.host.toLowerCase().includes(wanted)) return [host];
    const rows = host.rows.filter(({ unit }) => unit.toLowerCase().includes(wanted));
    return rows.length > 0 ? [{ ...host, rows }] : [];
  });
}

import type { HostDetail } from '@kiln/protocol/hosts.ts';
import { Switch, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { plural } from '../../parts/format.ts';
import { useListKeys } from '../../parts/keys.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { Ago, Elapsed } from '../../parts/time.tsx';
import { HostHealth, MassRestarts } from './host-health.tsx';
import css from './hosts.module.css';
import { hostQueries } from './queries.ts';
import { UnitLines } from './unit-line.tsx';

const route = getRouteApi('/app/hosts/$host');

/** One host with all of its units. */
export function HostPage() {
  const { host } = route.useParams();
  const query = useQuery(hostQueries.one(host));
  return (
    <Page title={host} lead={<Link to="/hosts">All hosts</Link>}>
      <Loaded query={query} what="The host" skeleton={<SkeletonRows rows={12} height={32} />}>
        {(detail) => <Content host={detail} />}
      </Loaded>
    </Page>
  );
}

function Content({ host }: { host: HostDetail }) {
  const { q = '', only } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRef<HTMLDivElement>(null);
  useListKeys(list);
  const wanted = q.toLowerCase();
  const rows = host.rows.filter(
    ({ unit, state }) =>
      unit.toLowerCase().includes(wanted) && (only !== 'trouble' || !['ok', 'inactive'].includes(state)),
  );
  return (
    <>
      <div>
        <HostHealth host={host} />
        <MassRestarts events={host.massRestarts} />
      </div>
      <div className={css.filters}>
        <TextInput
          aria-label="Search units"
          placeholder="Unit"
          leftSection={<IconSearch size={14} />}
          w={240}
          value={q}
          onChange={({ currentTarget: { value } }) =>
            void navigate({ search: ({ q: _, ...rest }) => (value ? { ...rest, q: value } : rest), replace: true })
          }
          data-search
        />
        <Switch
          size="xs"
          label="Only those in trouble"
          checked={only === 'trouble'}
          onChange={({ currentTarget: { checked } }) =>
            void navigate({
              search: ({ only: _, ...rest }) => (checked ? { ...rest, only: 'trouble' } : rest),
              replace: true,
            })
          }
        />
      </div>
      <div ref={list}>
        <Section
          title={
            rows.length === host.rows.length
              ? plural(rows.length, 'unit')
              : `${rows.length} of ${plural(host.rows.length, 'unit')}`
          }
          note={host.restarts24h > 0 ? `${plural(host.restarts24h, 'restart')} in 24 hours` : undefined}
        >
          {rows.length === 0 ? (
            <Empty title={host.rows.length === 0 ? 'The heartbeat tells of no unit' : 'No unit fits'}>
              {host.rows.length === 0 && (
                <p>
                  Name the units that matter in <code>/etc/kiln/heartbeat.conf</code> of the host.
                </p>
              )}
            </Empty>
          ) : (
            <UnitLines rows={rows} now={host.now} silent={host.health === 'silent'} />
          )}
        </Section>
      </div>
      {host.events.length > 0 && (
        <Section title="Boots and silences" note="in the last 30 days">
          <ul className={css.events}>
            {host.events.map(({ kind, at, until }) => (
              <li key={`${kind} ${at}`}>
                {kind === 'boot' ? (
                  'Started'
                ) : (
                  <span>
                    No heartbeat for <Elapsed from={at} to={until ?? host.now} />
                  </span>
                )}
                <span className="dim">
                  <Ago at={at} />
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

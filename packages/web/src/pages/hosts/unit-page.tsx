import type { UnitDetail } from '@kiln/protocol/hosts.ts';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { formatBytes } from '../../parts/format.ts';
import { Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Fact, Facts, Page, Section } from '../../parts/page.tsx';
import { Ago, Elapsed } from '../../parts/time.tsx';
import { howItEnded, LastFailure } from './failure.tsx';
import { hostQueries, RANGES } from './queries.ts';
import { Strip } from './strip.tsx';
import css from './unit.module.css';
import { UnitCharts } from './unit-charts.tsx';
import { UnitHistory } from './unit-history.tsx';
import { Timer } from './unit-line.tsx';
import { UnitStateMark } from './unit-state.tsx';

const route = getRouteApi('/app/hosts/$host/units/$unit');

/** One unit: how it is, how it has been, what happened to it. */
export function UnitPage() {
  const { host, unit } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(hostQueries.unit(host, unit));
  const range = RANGES.find((known) => known === search.range) ?? '1h';
  return (
    <Page
      title={unit}
      lead={
        <>
          on{' '}
          <Link to="/hosts/$host" params={{ host }}>
            {host}
          </Link>
        </>
      }
    >
      <Loaded query={query} what="The unit" skeleton={<SkeletonRows rows={10} />}>
        {(detail) => (
          <>
            <Now unit={detail} />
            <UnitCharts
              unit={detail}
              range={range}
              onRange={(wanted) => void navigate({ search: { range: wanted }, replace: true })}
            />
            <UnitHistory unit={detail} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Now({ unit }: { unit: UnitDetail }) {
  const exit = howItEnded({
    exitKind: unit.lastExit.kind,
    exitStatus: unit.lastExit.status,
    result: unit.lastExit.result,
  });
  return (
    <>
      <div className={css.top}>
        <Section title="Now" note={unit.silent ? 'as it was told last' : undefined}>
          <div className={css.facts}>
            <Facts>
              <Fact name="State">
                <span className={css.state}>
                  <UnitStateMark state={unit.state} masked={unit.masked} old={unit.silent} />
                  <span className="dim">
                    {unit.subState} for <Elapsed from={unit.since} to={unit.silent ? unit.lastHeartbeatAt : null} />
                  </span>
                </span>
              </Fact>
              {unit.timer && (
                <Fact name="Timer">
                  <Timer timer={unit.timer} />
                </Fact>
              )}
              <Fact name="Restarts">{unit.restarts24h} in the last 24 hours</Fact>
              <Fact name="Last failure">
                <LastFailure failure={unit.lastFailure} />
              </Fact>
              {exit !== '' && <Fact name="Last exit">{exit}</Fact>}
              <Fact name="Heartbeat">
                <Ago at={unit.lastHeartbeatAt} />
                {unit.silent && ': its host is silent'}
              </Fact>
            </Facts>
          </div>
        </Section>
        <Section title="Uses">
          <div className={css.facts}>
            <Facts>
              <Fact name="Memory">{unit.memoryBytes === null ? 'not accounted' : formatBytes(unit.memoryBytes)}</Fact>
              <Fact name="Processor">
                {unit.cpuSeconds === null ? 'not accounted' : `${Math.round(unit.cpuSeconds)} s since its start`}
              </Fact>
              <Fact name="Tasks">{unit.tasks ?? 'not accounted'}</Fact>
              <Fact name="Listed">
                {unit.allowlisted ? 'in the configuration of its heartbeat' : 'no: it is here because it failed'}
              </Fact>
            </Facts>
          </div>
        </Section>
      </div>
      <Section title="Last 24 hours">
        <div className={css.strip}>
          <Strip strip={unit.strip} until={unit.now} large />
          <p className={css.axis}>
            <span>24 h ago</span>
            <span>12 h</span>
            <span>now</span>
          </p>
        </div>
      </Section>
    </>
  );
}

import type { Trace } from '@kiln/protocol/api.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { Button, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { queries } from '../../api/queries.ts';
import { Copy } from '../../parts/copy.tsx';
import { plural } from '../../parts/format.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Fact, Facts, Page, Section } from '../../parts/page.tsx';
import { RunLines } from '../../parts/run-line.tsx';
import { Ago } from '../../parts/time.tsx';
import { Timeline } from '../../parts/timeline.tsx';
import css from './trace.module.css';

const route = getRouteApi('/app/trace');

/** One id, the whole story. */
export function TracePage() {
  const { id } = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState(id ?? '');
  useEffect(() => setTyped(id ?? ''), [id]);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void navigate({ search: typed.trim() ? { id: typed.trim() } : {} });
  };
  return (
    <Page title="Trace" lead="One id, the whole story: from the webhook to the package, over all tiers">
      <form className={css.form} onSubmit={onSubmit}>
        <TextInput
          aria-label="An id"
          placeholder="Id of a request, run, job, event or delivery"
          leftSection={<IconSearch size={14} />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          styles={{ input: { fontFamily: 'var(--k-mono)' } }}
          size="sm"
          data-search
        />
        <Button type="submit" size="sm" variant="filled">
          Trace
        </Button>
      </form>
      {id ? (
        <Story key={id} id={id} />
      ) : (
        <Empty title="Put in an id">
          Ids are everywhere: on a run’s page, in the first line of each log (<code>Run: … | Trace: …</code>), in the
          answer to a webhook, in every line of the services’ own logs.
        </Empty>
      )}
    </Page>
  );
}

function Story({ id }: { id: string }) {
  const query = useQuery(queries.trace(id));
  return (
    <Loaded query={query} what="The trace" skeleton={<SkeletonRows rows={10} />}>
      {(trace) => <Content trace={trace} />}
    </Loaded>
  );
}

function Content({ trace }: { trace: Trace }) {
  const first = trace.timeline[0];
  const last = trace.timeline.at(-1);
  const span = first && last ? Date.parse(last.at) - Date.parse(first.at) : 0;
  return (
    <div className={css.columns}>
      <Section
        title="Story"
        note={`${plural(trace.timeline.length, 'milestone')}${span > 0 ? ` over ${formatDuration(span)}` : ''}`}
      >
        <div className={css.story}>
          {trace.timeline.length > 0 ? (
            <Timeline entries={trace.timeline} />
          ) : (
            <Empty title="Nothing has happened yet">Milestones appear as the request goes through the tiers.</Empty>
          )}
        </div>
      </Section>
      <div className={css.column}>
        <Section title="What it is">
          <div className={css.story}>
            <Facts>
              <Fact name="The id is of">a {trace.kind}</Fact>
              <Fact name="Request id">
                <Copy value={trace.requestId} label="request id" />
              </Fact>
            </Facts>
          </div>
        </Section>
        {trace.runs.length > 0 && (
          <Section title={plural(trace.runs.length, 'run')}>
            <RunLines runs={trace.runs} />
          </Section>
        )}
        {trace.events.length > 0 && (
          <Section title={plural(trace.events.length, 'event')}>
            <ul className={css.events}>
              {trace.events.map((event) => (
                <li key={event.eventId}>
                  <p>
                    <b>{event.name}</b> from {event.source} <span className="mono">{event.routingKey}</span>
                  </p>
                  <p>{event.outcome || event.lastError || event.status}</p>
                  <p className={css.small}>
                    received <Ago at={event.receivedAt} />, {plural(event.attempts, 'attempt')} ·{' '}
                    <Copy value={event.eventId} label="event id">
                      {event.eventId.slice(0, 8)}
                    </Copy>
                  </p>
                </li>
              ))}
            </ul>
          </Section>
        )}
      </div>
    </div>
  );
}

import { VERDICT_WORDS } from '@kiln/protocol/host-states.ts';
import type { UnitDetail, UnitEvent } from '@kiln/protocol/hosts.ts';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { formatBytes, plural } from '../../parts/format.ts';
import { Section } from '../../parts/page.tsx';
import { tellFailure } from '../../parts/tell.tsx';
import { Ago } from '../../parts/time.tsx';
import { howItEnded } from './failure.tsx';
import { olderEvents } from './queries.ts';
import css from './unit.module.css';
import { UnitStateMark, unitStateWord } from './unit-state.tsx';

/** What happened to a unit, the latest first. */
export function UnitHistory({ unit }: { unit: UnitDetail }) {
  const [older, setOlder] = useState<{ events: UnitEvent[]; nextBefore: number | null }>({
    events: [],
    nextBefore: null,
  });
  const [isLoading, setLoading] = useState(false);
  const known = new Set(unit.events.map(({ eventId }) => eventId));
  const events = [...unit.events, ...older.events.filter(({ eventId }) => !known.has(eventId))];
  const next = older.events.length > 0 ? older.nextBefore : unit.nextBefore;
  const more = async () => {
    const last = events.at(-1);
    if (!last) return;
    setLoading(true);
    try {
      const page = await olderEvents(unit.host, unit.unit, last.eventId);
      setOlder({ events: [...events, ...page.events], nextBefore: page.nextBefore });
    } catch (error) {
      tellFailure('The older events could not be loaded', error);
    } finally {
      setLoading(false);
    }
  };
  return (
    <Section title="History" note="the last 30 days">
      <ul className={css.history}>
        {events.map((event) => (
          <li key={event.eventId}>
            <span className={css.when}>
              <Ago at={event.at} />
            </span>
            <span className={css.mark}>{event.to && <UnitStateMark state={event.to} />}</span>
            <span>{words(event)}</span>
          </li>
        ))}
      </ul>
      {next !== null && (
        <Button loading={isLoading} onClick={() => void more()}>
          Show older ones
        </Button>
      )}
    </Section>
  );
}

function words(event: UnitEvent): string {
  const how = howItEnded(event);
  const memory = event.memoryBytes === null ? '' : `; it had ${formatBytes(event.memoryBytes)} of memory`;
  switch (event.kind) {
    case 'seen':
      return 'Seen for the first time';
    case 'restart':
      return `Restarted by systemd${event.count > 1 ? ` ${plural(event.count, 'time')}` : ''}${how ? `: ${how}` : ''}${memory}`;
    case 'start':
      return 'Started again by hand or by another unit';
    case 'failure':
      return `Failed${how ? `: ${how}` : ''}${memory}`;
    case 'gone':
      return 'No longer told of';
    default:
      if (event.verdict && event.verdict !== 'ok') return `The timer is ${VERDICT_WORDS[event.verdict]}`;
      return `Became ${event.subState || 'another'}${event.from ? `, was ${unitStateWord(event.from)}` : ''}`;
  }
}

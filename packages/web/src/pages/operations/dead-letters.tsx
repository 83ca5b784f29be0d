import type { EventDetail } from '@kiln/protocol/api.ts';
import { IconRefresh, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { actions } from '../../api/actions.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { Copy } from '../../parts/copy.tsx';
import { plural, shortId } from '../../parts/format.ts';
import { Empty } from '../../parts/notices.tsx';
import { Section } from '../../parts/page.tsx';
import { tell } from '../../parts/tell.tsx';
import { Ago } from '../../parts/time.tsx';
import css from './operations.module.css';

/** Events that could not be handled in all their attempts. They wait here until somebody decides. */
export function DeadLetters({ count, events }: { count: number; events: EventDetail[] }) {
  return (
    <Section
      title="Dead letters"
      note={
        count > 0 &&
        `${plural(count, 'event')} that could not be handled${count > events.length ? `, the newest ${events.length} shown` : ''}`
      }
    >
      {events.length === 0 ? (
        <Empty title="There are none">
          An event that fails in all of its five attempts waits here, for as long as it takes, until somebody tries it
          again or throws it away.
        </Empty>
      ) : (
        <ul>
          {events.map((event) => (
            <DeadLetter key={event.eventId} event={event} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function DeadLetter({ event }: { event: EventDetail }) {
  const client = useQueryClient();
  const after = async (message: string) => {
    tell(message);
    await client.invalidateQueries({ queryKey: ['dead-letters'] });
    await client.invalidateQueries({ queryKey: ['overview'] });
  };
  return (
    <li className={css.letter}>
      <div className={css.what}>
        <p>
          <b>{event.name}</b> from {event.source} <span className="mono">{event.routingKey}</span>
        </p>
        <p className={css.error}>{event.lastError ?? event.dlqReason}</p>
        <p className={css.small}>
          received <Ago at={event.receivedAt} />, {plural(event.attempts, 'attempt')}
          {event.dlqAt && (
            <>
              , given up <Ago at={event.dlqAt} />
            </>
          )}
          {event.lastError && event.dlqReason && ` (${event.dlqReason})`} · event{' '}
          <Copy value={event.eventId} label="event id">
            {shortId(event.eventId)}
          </Copy>{' '}
          ·{' '}
          <Link to="/trace" search={{ id: event.requestId }} className={css.link}>
            Trace
          </Link>
        </p>
      </div>
      <div className={css.actions}>
        <ActionButton
          leftSection={<IconRefresh size={15} />}
          failure="The event was not tried again"
          run={async () => {
            await actions.retryDeadLetter(event.eventId);
            await after('The event is tried again');
          }}
        >
          Try again
        </ActionButton>
        <ConfirmButton
          label="Discard"
          icon={<IconTrash size={15} />}
          title="Discard this event?"
          confirm="Discard it"
          danger
          run={async () => {
            await actions.discardDeadLetter(event.eventId);
            await after('The event was discarded');
          }}
        >
          It is deleted for good, and whatever it asked for does not happen. Its milestones stay in the trace.
        </ConfirmButton>
      </div>
    </li>
  );
}

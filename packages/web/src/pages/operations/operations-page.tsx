import { IconAlertTriangleFilled, IconCircleCheckFilled } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../../api/queries.ts';
import { Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { PlaceLink } from '../../parts/place-link.tsx';
import { DeadLetters } from './dead-letters.tsx';
import css from './operations.module.css';

/** What is wrong, and what mends it. */
export function OperationsPage() {
  const overview = useQuery(queries.overview);
  const dead = useQuery(queries.deadLetters);
  return (
    <Page title="Operations" lead="What is wrong, and what mends it">
      <Section title="Problems">
        <Loaded query={overview} what="The problems" skeleton={<SkeletonRows rows={2} />}>
          {({ problems }) =>
            problems.length === 0 ? (
              <p className={css.well}>
                <IconCircleCheckFilled size={18} aria-hidden />
                All is well: agents are connected, upstreams answer, nothing is stuck.
              </p>
            ) : (
              <ul className={css.problems}>
                {problems.map(({ message, href }) => (
                  <li key={message}>
                    <IconAlertTriangleFilled size={17} aria-hidden />
                    <PlaceLink href={href}>{message}</PlaceLink>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Section>
      <Loaded query={dead} what="The dead letters" skeleton={<SkeletonRows rows={4} />}>
        {({ count, events }) => <DeadLetters count={count} events={events} />}
      </Loaded>
    </Page>
  );
}

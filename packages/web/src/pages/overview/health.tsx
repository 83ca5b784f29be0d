import type { Overview } from '@kiln/protocol/api.ts';
import { IconAlertTriangleFilled, IconCircleCheckFilled } from '@tabler/icons-react';
import { PlaceLink } from '../../parts/place-link.tsx';
import { plural } from '../../parts/format.ts';
import css from './health.module.css';

/** The farm's health in one line, or what is wrong, each with the place where it is mended. */
export function Health({ overview }: { overview: Overview }) {
  const { problems, agents } = overview;
  const connected = agents.filter((agent) => agent.connected);
  const slots = connected.reduce((sum, agent) => sum + agent.slots, 0);
  const busy = connected.reduce((sum, agent) => sum + agent.busy, 0);
  if (problems.length === 0) {
    return (
      <p className={css.well}>
        <IconCircleCheckFilled size={20} aria-hidden />
        <b>All is well.</b>
        <span className="dim">
          {busy} of {plural(slots, 'slot')} busy on {plural(connected.length, 'agent')},{' '}
          {overview.queueDepth === 0 ? 'nothing waits' : `${plural(overview.queueDepth, 'job')} waiting`}.
        </span>
      </p>
    );
  }
  return (
    <ul className={css.problems} aria-label="Problems">
      {problems.map(({ message, href }) => (
        <li key={message}>
          <IconAlertTriangleFilled size={18} aria-hidden />
          <PlaceLink href={href}>{message}</PlaceLink>
        </li>
      ))}
    </ul>
  );
}

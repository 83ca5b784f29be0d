import type { Overview } from '@kiln/protocol/api.ts';
import { IconAlertTriangleFilled, IconCircleCheckFilled, IconInfoCircle } from '@tabler/icons-react';
import { plural } from '../../parts/format.ts';
import { PlaceLink } from '../../parts/place-link.tsx';
import css from './health.module.css';

/** The farm's health in one line, or what is wrong, each with the place where it is mended. */
export function Health({ overview }: { overview: Overview }) {
  const { problems, agents } = overview;
  const connected = agents.filter((agent) => agent.connected);
  const slots = connected.reduce((sum, agent) => sum + agent.slots, 0);
  const busy = connected.reduce((sum, agent) => sum + agent.busy, 0);
  if (problems.length === 0 && connected.length === 0) {
    return (
      <p className={css.well}>
        <IconInfoCircle size={20} aria-hidden />
        <b>No agent is connected.</b>
        <span className="dim">Jobs wait until one is. The Fleet page says how to add one.</span>
      </p>
    );
  }
  if (problems.length === 0) {
    return (
      <p className={css.well} data-well>
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

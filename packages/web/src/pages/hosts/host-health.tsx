import type { HostSummary, MassRestart } from '@kiln/protocol/hosts.ts';
import { IconAlertTriangleFilled, IconBolt, IconCircleCheckFilled, IconPlugConnectedX } from '@tabler/icons-react';
import { plural } from '../../parts/format.ts';
import { Ago, Elapsed } from '../../parts/time.tsx';
import css from './host-health.module.css';

/** How a host is, in one line: its heartbeat, what is wrong, since when it runs. */
export function HostHealth({ host }: { host: HostSummary }) {
  const all = Object.values(host.units).reduce((sum, count) => sum + count, 0);
  const { failed = 0, missing = 0, stale = 0, restarting = 0 } = host.units;
  const wrong = [
    [failed, 'failed'],
    [missing, 'missing'],
    [stale, 'stale'],
    [restarting, 'restarting'],
    [host.others, 'not listed and failed'],
  ] as const;
  const said = wrong.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  if (host.health === 'silent') {
    return (
      <p className={css.health} data-tone="red">
        <IconPlugConnectedX size={16} aria-hidden />
        <span>
          No heartbeat for <Elapsed from={host.lastHeartbeatAt} to={null} />: what is below is what it said last
        </span>
      </p>
    );
  }
  return (
    <p className={css.health} data-tone={host.health === 'ok' ? 'green' : 'red'}>
      {host.health === 'ok' ? (
        <IconCircleCheckFilled size={16} aria-hidden />
      ) : (
        <IconAlertTriangleFilled size={16} aria-hidden />
      )}
      <span>
        {said.length === 0 ? `${plural(all, 'unit')}, all well` : `${said.join(', ')} of ${plural(all, 'unit')}`}
        <span className="dim">
          , heartbeat <Ago at={host.lastHeartbeatAt} />
          {host.bootAt && (
            <>
              , up <Elapsed from={host.bootAt} to={null} />
            </>
          )}
          {host.clockOffsetSeconds !== null && `, its clock is ${clockWords(host.clockOffsetSeconds)}`}
        </span>
      </span>
    </p>
  );
}

/** Many units that restarted at once, each time as one thing. */
export function MassRestarts({ events }: { events: readonly MassRestart[] }) {
  if (events.length === 0) return null;
  return (
    <ul className={css.mass} aria-label="Mass restarts">
      {events.map(({ at, units }) => (
        <li key={at}>
          <IconBolt size={16} aria-hidden />
          <p>
            <b>{plural(units.length, 'unit')} restarted at once</b> <Ago at={at} />:{' '}
            <span className={css.names}>{units.join(', ')}</span>
          </p>
        </li>
      ))}
    </ul>
  );
}

function clockWords(seconds: number): string {
  return `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`;
}

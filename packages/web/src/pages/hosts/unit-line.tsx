import { TROUBLED, VERDICT_WORDS } from '@kiln/protocol/host-states.ts';
import type { UnitRow, UnitTimer } from '@kiln/protocol/hosts.ts';
import { Link } from '@tanstack/react-router';
import { plural } from '../../parts/format.ts';
import { Ago, Elapsed } from '../../parts/time.tsx';
import { LastFailure } from './failure.tsx';
import { Strip } from './strip.tsx';
import css from './unit-line.module.css';
import { UnitStateMark } from './unit-state.tsx';

/** Units as lines under their headings. `silent`: what they say is old. */
export function UnitLines({ rows, now, silent }: { rows: readonly UnitRow[]; now: string; silent: boolean }) {
  return (
    <>
      <div className={css.head} aria-hidden>
        <span>State</span>
        <span>Unit</span>
        <span>Last 24 hours</span>
        <span>Restarts</span>
        <span>Last failure</span>
        <span>Since, or timer</span>
      </div>
      <ul>
        {rows.map((row) => (
          <UnitLine key={row.unit} row={row} now={now} silent={silent} />
        ))}
      </ul>
    </>
  );
}

function UnitLine({ row, now, silent }: { row: UnitRow; now: string; silent: boolean }) {
  const { host, unit, state, restarts24h } = row;
  return (
    <li className={css.line} data-trouble={(!silent && TROUBLED.includes(state)) || undefined}>
      <UnitStateMark state={state} masked={row.masked} old={silent} />
      <div className={css.unit}>
        <Link to="/hosts/$host/units/$unit" params={{ host, unit }} className={css.name} data-item>
          {unit}
        </Link>
        <span className={css.sub}>
          {row.subState}
          {!row.allowlisted && <span className={css.tag}>not listed</span>}
        </span>
      </div>
      <div className={css.strip}>
        <Strip strip={row.strip} until={now} />
      </div>
      <span className={css.restarts} data-some={restarts24h > 0 || undefined}>
        {restarts24h}
        <span className={css.word}> {plural(restarts24h, 'restart').replace(/^\S+ /, '')} in 24 h</span>
      </span>
      <span className={css.failure} data-none={row.lastFailure === null || undefined}>
        <LastFailure failure={row.lastFailure} />
      </span>
      <span className={css.since}>
        {row.timer ? (
          <Timer timer={row.timer} />
        ) : (
          <>
            for <Elapsed from={row.since} to={silent ? now : null} />
          </>
        )}
      </span>
    </li>
  );
}

/** When a timer fired last and fires next, and what is wrong with it. */
export function Timer({ timer }: { timer: UnitTimer }) {
  const { lastTriggerAt, nextElapseAt, verdict } = timer;
  return (
    <>
      {verdict && verdict !== 'ok' && <b className={css.verdict}>{VERDICT_WORDS[verdict]}; </b>}
      {lastTriggerAt ? (
        <>
          fired <Ago at={lastTriggerAt} />
        </>
      ) : (
        'never fired'
      )}
      {nextElapseAt && (
        <>
          , next <Ago at={nextElapseAt} />
        </>
      )}
    </>
  );
}

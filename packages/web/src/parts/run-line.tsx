import type { RunSummary } from '@kiln/protocol/api.ts';
import { isFinishedRun } from '@kiln/protocol/states.ts';
import { Link } from '@tanstack/react-router';
import { plural, shortRef } from './format.ts';
import { ProgressBar } from './progress.tsx';
import css from './run-line.module.css';
import { Status } from './status.tsx';
import { Again, Ago, Elapsed } from './time.tsx';

/** Runs as lines, each a link to its run. `hideRecipe` where the page is about one recipe. */
export function RunLines({ runs, hideRecipe }: { runs: RunSummary[]; hideRecipe?: boolean }) {
  return (
    <ul className={css.list}>
      {runs.map((run) => (
        <RunLine key={run.runId} run={run} hideRecipe={hideRecipe === true} />
      ))}
    </ul>
  );
}

function RunLine({ run, hideRecipe }: { run: RunSummary; hideRecipe: boolean }) {
  return (
    <li className={css.line}>
      <span className={css.status}>
        <Status status={run.status} />
      </span>
      <Link to="/runs/$runId" params={{ runId: run.runId }} className={css.name} data-item>
        {!hideRecipe && <b>{run.recipe}</b>}
        <span className="mono">{run.version}</span>
        {run.attempt > 1 && <span className={css.attempt}>attempt {run.attempt}</span>}
      </Link>
      <span className={css.text}>
        <Doing run={run} />
      </span>
      <span className={css.trigger} title={`Started by ${run.by}`}>
        {run.trigger}
        {run.ref && run.trigger !== 'tag' ? ` ${shortRef(run.ref)}` : ''}
      </span>
      <span className={css.duration}>
        {run.startedAt ? <Elapsed from={run.startedAt} to={run.finishedAt} /> : <span className="dim">–</span>}
      </span>
      <span className={css.ago}>
        <Ago at={run.createdAt} />
      </span>
    </li>
  );
}

function Doing({ run }: { run: RunSummary }) {
  if (!isFinishedRun(run.status) && run.status !== 'queued') {
    return (
      <>
        <ProgressBar percent={run.percent} label={`${run.recipe} ${run.version}`} />
        <span className="ellipsis dim">{run.text}</span>
        {run.jobs.total > 1 && (
          <span className={css.jobs}>
            {run.jobs.finished} of {plural(run.jobs.total, 'job')}
          </span>
        )}
      </>
    );
  }
  return (
    <>
      <span className="ellipsis dim" title={run.text}>
        {run.text}
      </span>
      {run.retryAt && (
        <span className={css.retry}>
          again <Again at={run.retryAt} />
        </span>
      )}
    </>
  );
}

import type { RunDetail } from '@kiln/protocol/api.ts';
import { FAILURE_CLASSES } from '@kiln/protocol/states.ts';
import { IconCircleXFilled } from '@tabler/icons-react';
import { plainText } from '../../log/ansi.ts';
import { plural } from '../../parts/format.ts';
import { Again } from '../../parts/time.tsx';
import css from './failure-card.module.css';
import { LineLink } from './line-link.tsx';
import { failedJob } from './select.ts';

/** Why the run failed, where to look, and what happens next. Nothing where there is no failure. */
export function FailureCard({ run }: { run: RunDetail }) {
  const { failure } = run;
  if (!failure || run.status !== 'failed') return null;
  const failed = failedJob(run);
  const where = [failed && run.jobList.length > 1 ? failed.job.name : null, failure.phase, failure.step].filter(
    Boolean,
  );
  return (
    <section className={css.card} aria-label="Why it failed">
      <IconCircleXFilled size={20} className={css.icon} aria-hidden />
      <div className={css.body}>
        <h2>
          {failure.class}
          {where.length > 0 && <span> in {where.join(' › ')}</span>}
        </h2>
        <p className={css.message}>{failure.message}</p>
        {failure.line !== null && failed && (
          <LineLink
            runId={run.runId}
            job={failed.job}
            attempt={failed.attempt.attempt}
            line={failure.line}
            className={css.line}
          >
            <span className={css.number}>{failure.line}</span>
            <span className={css.text}>
              {failure.lineText === null ? 'First error line' : plainText(failure.lineText)}
            </span>
          </LineLink>
        )}
        <p className="dim">{FAILURE_CLASSES[failure.class]}</p>
      </div>
      <p className={css.next}>
        <b>
          {run.retryAt ? (
            <>
              Next try <Again at={run.retryAt} />
            </>
          ) : (
            'No further try by itself'
          )}
        </b>
        {run.retryAt && run.retriesLeft !== null && (
          <span className="dim">{plural(run.retriesLeft, 'try left', 'tries left')}</span>
        )}
      </p>
    </section>
  );
}

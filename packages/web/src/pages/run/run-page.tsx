import { isFinishedJob } from '@kiln/protocol/states.ts';
import { useDocumentTitle } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect } from 'react';
import { queries } from '../../api/queries.ts';
import { LogPanel } from '../../log/log-panel.tsx';
import { capitalised } from '../../parts/format.ts';
import { Empty, Loaded } from '../../parts/notices.tsx';
import { statusWord } from '../../parts/status.tsx';
import { FailureCard } from './failure-card.tsx';
import { JobTree } from './job-tree.tsx';
import { PhaseBar } from './phase-bar.tsx';
import css from './run.module.css';
import { RunHeader } from './run-header.tsx';
import { RunSkeleton } from './run-skeleton.tsx';
import { pickAttempt, pickJob } from './select.ts';
import { SidePanel } from './side-panel.tsx';

const route = getRouteApi('/app/runs/$runId');

/** What is happening in one run, or why it failed. */
export function RunPage() {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const query = useQuery(queries.run(runId));
  const run = query.data;
  useDocumentTitle(run ? `${run.recipe} ${run.version} · ${statusWord(run.status)} · Kiln` : 'Run · Kiln');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another run's page begins at its top, too
  useEffect(() => {
    window.scrollTo(0, 0);
  }, [runId]);
  return (
    <div className={css.page}>
      <Loaded query={query} what="The run" skeleton={<RunSkeleton />}>
        {(run) => {
          const job = pickJob(run, search.job);
          const attempt = pickAttempt(job, search.attempt);
          return (
            <>
              <RunHeader run={run} job={job} attempt={attempt} panel={search.panel} />
              <PhaseBar run={run} job={job} attempt={attempt} />
              <FailureCard run={run} />
              <div className={css.body} data-panel={search.panel !== undefined || undefined}>
                <JobTree run={run} selected={job} attempt={attempt} />
                {job && attempt ? (
                  <LogPanel
                    key={`${job.jobId} ${attempt.attempt}`}
                    title={run.jobList.length > 1 ? job.name : 'Log'}
                    job={job.name}
                    phases={attempt.phases}
                    startedAt={Date.parse(attempt.startedAt ?? job.createdAt)}
                    cause={attempt.failure?.line ?? null}
                    log={{
                      jobId: job.jobId,
                      attempt: attempt.attempt,
                      lines: attempt.lines,
                      finished: isFinishedJob(attempt.status),
                    }}
                  />
                ) : (
                  <div className={css.noLog}>
                    <Empty title={job?.status === 'cancelled' ? 'Cancelled before it began' : 'Waiting to begin'}>
                      {capitalised(job?.waiting ?? '') || 'The log appears here as soon as an agent takes the job.'}
                    </Empty>
                  </div>
                )}
                {search.panel && <SidePanel run={run} job={job} attempt={attempt} panel={search.panel} />}
              </div>
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

import type { AttemptSummary, JobDetail, RunDetail } from '@kiln/protocol/api.ts';
import { Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { useListKeys } from '../../parts/keys.ts';
import { Status } from '../../parts/status.tsx';
import { Elapsed } from '../../parts/time.tsx';
import css from './job-tree.module.css';
import { LineLink } from './line-link.tsx';
import { latestAttempt } from './select.ts';

/** Jobs with their phases and steps. A job shows its log, a step jumps to its first line. */
export function JobTree({
  run,
  selected,
  attempt,
}: {
  run: RunDetail;
  selected: JobDetail | null;
  attempt: AttemptSummary | null;
}) {
  const list = useRef<HTMLElement>(null);
  useListKeys(list);
  return (
    <nav ref={list} className={css.tree} aria-label="Jobs and steps">
      <ul>
        {run.jobList.map((job) => {
          const open = job.name === selected?.name;
          return (
            <li key={job.jobId}>
              {(run.jobList.length > 1 || !attempt) && <JobLine run={run} job={job} open={open} />}
              {open && attempt && <Phases run={run} job={job} attempt={attempt} />}
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function JobLine({ run, job, open }: { run: RunDetail; job: JobDetail; open: boolean }) {
  const latest = latestAttempt(job);
  return (
    <Link
      to="/runs/$runId"
      params={{ runId: run.runId }}
      search={({ panel }) => ({ job: job.name, ...(panel ? { panel } : {}) })}
      replace
      className={css.job}
      aria-current={open || undefined}
      data-item
    >
      <Status status={job.status} iconOnly />
      <span className={css.name} title={job.waiting || job.name}>
        {job.name}
      </span>
      <span className={css.time}>
        {latest?.startedAt ? (
          <Elapsed from={latest.startedAt} to={latest.finishedAt} />
        ) : (
          <span className="visually-hidden">{job.waiting}</span>
        )}
      </span>
      {job.waiting && <span className={css.waiting}>{job.waiting}</span>}
    </Link>
  );
}

function Phases({ run, job, attempt }: { run: RunDetail; job: JobDetail; attempt: AttemptSummary }) {
  return (
    <ul className={css.phases}>
      {attempt.phases.map((phase) => (
        <li key={phase.name}>
          <p className={css.phase} data-state={phase.state}>
            <span className={css.name}>{phase.name}</span>
            <span className={css.time}>
              {phase.startedAt !== null && <Elapsed from={phase.startedAt} to={phase.finishedAt} />}
            </span>
          </p>
          <ul>
            {phase.steps.map((step, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two steps may have one name, and steps never move
              <li key={index}>
                <StepLine run={run} job={job} attempt={attempt} step={step} />
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}

function StepLine({
  run,
  job,
  attempt,
  step,
}: {
  run: RunDetail;
  job: JobDetail;
  attempt: AttemptSummary;
  step: AttemptSummary['phases'][number]['steps'][number];
}) {
  const content = (
    <>
      <Status status={step.state} iconOnly size={14} />
      <span className={css.name} title={step.name}>
        {step.name}
      </span>
      <span className={css.time}>
        {step.exitCode !== null && step.exitCode !== 0 && <span className={css.code}>exit {step.exitCode} </span>}
        {step.signal && <span className={css.code}>{step.signal} </span>}
        {step.startedAt !== null && step.state !== 'skipped' && <Elapsed from={step.startedAt} to={step.finishedAt} />}
      </span>
    </>
  );
  if (step.firstLine === null) return <span className={css.step}>{content}</span>;
  return (
    <LineLink runId={run.runId} job={job} attempt={attempt.attempt} line={step.firstLine} className={css.step}>
      {content}
    </LineLink>
  );
}

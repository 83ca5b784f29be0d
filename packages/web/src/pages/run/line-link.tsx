import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { askForLine } from '../../log/jumps.ts';

/** A link to a line of the log of one attempt. */
export function LineLink({
  runId,
  job,
  attempt,
  line,
  className,
  children,
}: {
  runId: string;
  job: { jobId: string; name: string };
  attempt: number;
  line: number;
  className: string | undefined;
  children: ReactNode;
}) {
  return (
    <Link
      to="/runs/$runId"
      params={{ runId }}
      search={(before) => ({ ...before, job: job.name, attempt: String(attempt) })}
      hash={`L${line}`}
      hashScrollIntoView={false}
      resetScroll={false}
      replace
      className={className}
      onClick={() => askForLine(job.jobId, line)}
      data-item
    >
      {children}
    </Link>
  );
}

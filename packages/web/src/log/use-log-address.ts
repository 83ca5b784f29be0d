import { useLocation, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { basePath } from '../api/base.ts';
import type { LogParams } from '../pages/run/log-params.ts';
import { parseSelection, type Selection, selectionHash } from './selection.ts';

const from = '/app/runs/$runId';

/** What the address says about the log, and what changes it. */
export interface LogAddress {
  params: LogParams;
  selection: Selection | null;
  /** Address of the log without a line, that stays right when there are further attempts. */
  href: string;
  /** Changes parameters; undefined takes one away. */
  patch: (changes: { [Key in keyof LogParams]?: LogParams[Key] | undefined }) => void;
  select: (selection: Selection | null) => void;
}

/** The log's part of the run page's address. */
export function useLogAddress(job: string, attempt: number): LogAddress {
  const navigate = useNavigate({ from: '/runs/$runId' });
  const params = useSearch({ from });
  const { runId } = useParams({ from });
  const hash = useLocation({ select: (location) => location.hash });
  const stay = { replace: true, resetScroll: false, hashScrollIntoView: false } as const;
  const place = new URLSearchParams({ job, attempt: String(attempt) });
  return {
    params,
    selection: parseSelection(hash),
    href: `${basePath}runs/${runId}?${place}`,
    patch: (changes) =>
      void navigate({
        search: (before) => {
          const after = Object.entries({ ...before, ...changes }).filter(([, value]) => value !== undefined);
          return Object.fromEntries(after);
        },
        hash: true,
        ...stay,
      }),
    select: (selection) =>
      void navigate({
        search: (before) => (selection ? { ...before, job, attempt: String(attempt) } : before),
        hash: selection ? selectionHash(selection) : '',
        ...stay,
      }),
  };
}

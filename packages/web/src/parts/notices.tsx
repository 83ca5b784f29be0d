import { Button, Skeleton } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import css from './notices.module.css';

/** Nothing to show: says why, and what to do next. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={css.empty}>
      <p className={css.title}>{title}</p>
      {children && <div className="dim">{children}</div>}
      {action}
    </div>
  );
}

/** Something failed: says what, and offers to try again. */
export function Problem({ title, error, retry }: { title: string; error: Error; retry?: () => void }) {
  return (
    <div className={css.problem} role="alert">
      <IconAlertTriangle size={18} aria-hidden />
      <div>
        <p className={css.title}>{title}</p>
        <p>{error.message}</p>
      </div>
      {retry && (
        <Button leftSection={<IconRefresh size={14} />} onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** The shape of a list that is on its way. */
export function SkeletonRows({ rows = 6, height = 20 }: { rows?: number; height?: number }) {
  return (
    <div className={css.skeleton} aria-busy="true">
      <span className="visually-hidden">Loading</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never move
        <Skeleton key={row} height={height} width={`${92 - ((row * 37) % 29)}%`} radius="sm" />
      ))}
    </div>
  );
}

/**
 * What a query has: the skeleton while it has nothing, the error when it got nothing, else its data, under a line that
 * says so when the last refresh failed.
 */
export function Loaded<T>({
  query,
  what,
  skeleton,
  children,
}: {
  query: Pick<UseQueryResult<T>, 'data' | 'error' | 'refetch'>;
  /** What is loaded, as in `The runs could not be loaded`. */
  what: string;
  skeleton?: ReactNode;
  children: (data: T) => ReactNode;
}) {
  const retry = () => void query.refetch();
  if (query.data === undefined) {
    if (query.error) return <Problem title={`${what} could not be loaded`} error={query.error} retry={retry} />;
    return skeleton ?? <SkeletonRows />;
  }
  return (
    <>
      {query.error && <Problem title={`${what} could not be refreshed`} error={query.error} retry={retry} />}
      {children(query.data)}
    </>
  );
}

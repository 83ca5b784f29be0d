import { Skeleton } from '@mantine/core';
import { SkeletonRows } from '../../parts/notices.tsx';
import css from './run.module.css';

/** The shape of a run's page. */
export function RunSkeleton() {
  return (
    <>
      <div>
        <Skeleton height={24} width={280} mb={8} />
        <Skeleton height={16} width={420} maw="100%" />
      </div>
      <Skeleton height={8} />
      <div className={css.body}>
        <SkeletonRows rows={8} />
        <div className={css.noLog}>
          <SkeletonRows rows={12} height={12} />
        </div>
      </div>
    </>
  );
}

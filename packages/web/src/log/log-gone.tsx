import { IconArchive } from '@tabler/icons-react';
import type { ApiFailure } from '../api/request.ts';
import { capitalised } from '../parts/format.ts';
import css from './log.module.css';

/** In the place of a log whose time is over: when it was removed, and what is still there. */
export function LogGone({ failure }: { failure: ApiFailure }) {
  return (
    <div className={css.gone}>
      <IconArchive size={22} stroke={1.6} aria-hidden />
      <div>
        <h2>This log was removed</h2>
        <p>{capitalised(failure.message).replace(/\.$/, '')}.</p>
        <p className="dim">
          What the run was, how long its phases and steps took, why it failed, its artifacts and its packages are kept.
        </p>
      </div>
    </div>
  );
}

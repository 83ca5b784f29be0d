import { IconChevronDown } from '@tabler/icons-react';
import { Status } from '../parts/status.tsx';
import { Elapsed } from '../parts/time.tsx';
import type { Group } from './groups.ts';
import css from './log.module.css';

/** The phase and step that the first line in view is in, over that line. Each jumps to where it begins; the last can be folded. */
export function Sticky({
  path,
  onGo,
  onFold,
}: {
  /** A phase, then its step. */
  path: readonly Group[];
  onGo: (group: Group) => void;
  onFold: (group: Group) => void;
}) {
  const inner = path.at(-1);
  if (!inner) return null;
  return (
    <nav className={css.sticky} aria-label="Where the log is">
      <button type="button" className={css.stickyFold} aria-label={`Fold ${inner.name}`} onClick={() => onFold(inner)}>
        <IconChevronDown size={14} aria-hidden />
      </button>
      {path.map((group) => (
        <button
          key={group.key}
          type="button"
          className={css.crumb}
          title={`To the beginning of ${group.name}`}
          onClick={() => onGo(group)}
        >
          {group.name}
        </button>
      ))}
      <span className={css.stickyEnd}>
        <Elapsed from={inner.from} to={inner.to} />
        <Status status={inner.state} iconOnly size={14} />
      </span>
    </nav>
  );
}

import { Button } from '@mantine/core';
import { formatCount, plural } from '../parts/format.ts';
import css from './log.module.css';
import type { LogSearch } from './log-search.ts';
import type { LogAddress } from './use-log-address.ts';

/** Says that only some lines are shown, which, and how many; and shows all again. */
export function FilterBar({
  address,
  search,
  phases,
}: {
  address: LogAddress;
  search: LogSearch;
  phases: readonly string[];
}) {
  const { params, patch } = address;
  const { level, component, phase, q } = params;
  const conditions = [
    level && (level === 'warn' ? 'warnings and errors' : 'errors'),
    component && `from ${component}`,
    phase !== undefined && `in ${phases[Number(phase)] ?? `phase ${Number(phase) + 1}`}`,
    q !== undefined && `with “${q}”`,
  ].filter((each) => typeof each === 'string');
  return (
    <div className={css.filterBar}>
      <span role="status">
        Only {conditions.join(', ')}: {plural(search.count, 'line')}
        {search.running ? '…' : ''}
        {search.hasMore && `, the first ${formatCount(search.lines.length)} are shown`}
      </span>
      {search.hasMore && (
        <Button variant="subtle" size="compact-xs" onClick={() => void search.run()}>
          Show more
        </Button>
      )}
      <Button
        variant="subtle"
        size="compact-xs"
        onClick={() => patch({ level: undefined, component: undefined, phase: undefined, only: undefined })}
      >
        Show all lines
      </Button>
    </div>
  );
}

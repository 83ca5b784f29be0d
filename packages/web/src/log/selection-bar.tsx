import { Button } from '@mantine/core';
import { formatCount } from '../parts/format.ts';
import type { Commands } from './commands.ts';
import css from './log.module.css';
import type { Selection } from './selection.ts';

/** What can be done with the selected lines. */
export function SelectionBar({
  selection: { first, last },
  commands,
  onClear,
}: {
  selection: Selection;
  commands: Commands;
  onClear: () => void;
}) {
  return (
    <div className={css.selectionBar}>
      <span>{first === last ? `Line ${formatCount(first)}` : `Lines ${formatCount(first)}–${formatCount(last)}`}</span>
      {[commands.link, commands.copy].map(
        ({ label, icon: Icon, run }) =>
          run && (
            <Button
              key={label}
              variant="subtle"
              size="compact-xs"
              leftSection={<Icon size={14} stroke={1.7} />}
              onClick={run}
            >
              {label}
            </Button>
          ),
      )}
      <Button variant="subtle" size="compact-xs" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}

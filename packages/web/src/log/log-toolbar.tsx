import { ActionIcon, Tooltip } from '@mantine/core';
import { formatCount, plural } from '../parts/format.ts';
import type { CommandId, Commands } from './commands.ts';
import css from './log.module.css';
import { LogFilters } from './log-filters.tsx';
import { LogMenu } from './log-menu.tsx';
import type { Outline } from './outline.ts';
import type { LogOf } from './use-log.ts';
import type { LogAddress } from './use-log-address.ts';

/** What has a button of its own; everything else is in the menu. On a narrow page only the first few are seen. */
const BUTTONS: readonly CommandId[] = ['search', 'end', 'firstError', 'goTo', 'foldDone', 'times', 'wrap', 'full'];

/** What the log is, how long, what is wrong in it, and what can be done with it. */
export function LogToolbar({
  title,
  log,
  total,
  state,
  outline,
  address,
  phases,
  commands,
  onHelp,
}: {
  title: string;
  log: LogOf;
  total: number;
  /** `following`, `paused` or `finished`. */
  state: string;
  outline: Outline;
  address: LogAddress;
  phases: readonly string[];
  commands: Commands;
  onHelp: () => void;
}) {
  const { level } = address.params;
  const { warnings, errors } = outline;
  const toggle = (wanted: 'warn' | 'error') => address.patch({ level: level === wanted ? undefined : wanted });
  return (
    <div className={css.toolbar} role="toolbar" aria-label="The log">
      <span className={css.title}>{title}</span>
      <span className={css.count}>
        {plural(total, 'line')}
        <span className={css.state}>, {state}</span>
      </span>
      {(errors > 0 || level === 'error') && (
        <button
          type="button"
          className={css.chip}
          data-tone="red"
          aria-pressed={level === 'error'}
          title={level === 'error' ? 'Show all lines' : 'Show only errors'}
          onClick={() => toggle('error')}
        >
          {formatCount(errors)}
          <span className={css.chipWord}> {errors === 1 ? 'error' : 'errors'}</span>
          <span className={css.chipLetter}> E</span>
        </button>
      )}
      {(warnings > 0 || level === 'warn') && (
        <button
          type="button"
          className={css.chip}
          data-tone="yellow"
          aria-pressed={level === 'warn'}
          title={level === 'warn' ? 'Show all lines' : 'Show only warnings and errors'}
          onClick={() => toggle('warn')}
        >
          {formatCount(warnings)}
          <span className={css.chipWord}> {warnings === 1 ? 'warning' : 'warnings'}</span>
          <span className={css.chipLetter}> W</span>
        </button>
      )}
      <span className={css.tools}>
        {BUTTONS.map((id) => {
          const { label, key, icon: Icon, run, pressed } = commands[id];
          if (!run) return null;
          const words = `${label} (${key})`;
          return (
            <Tooltip key={id} label={words}>
              <ActionIcon
                aria-label={words}
                aria-pressed={pressed}
                onClick={run}
                data-pressed={pressed || undefined}
                data-tool={id}
                className={css.tool}
              >
                <Icon size={17} stroke={1.7} />
              </ActionIcon>
            </Tooltip>
          );
        })}
        <LogFilters address={address} outline={outline} phases={phases} />
        <LogMenu log={log} address={address} commands={commands} onHelp={onHelp} />
      </span>
    </div>
  );
}

import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import { IconCheck, IconFilter } from '@tabler/icons-react';
import { formatCount } from '../parts/format.ts';
import { FITTED } from './fitted.ts';
import css from './log.module.css';
import type { Outline } from './outline.ts';
import type { LogAddress } from './use-log-address.ts';
import { isNarrowed } from './use-log-search.ts';

const LEVELS = [
  [undefined, 'Every level'],
  ['warn', 'Warnings and errors'],
  ['error', 'Errors'],
] as const;

/** Which lines are shown: by level, component and phase. */
export function LogFilters({
  address,
  outline,
  phases,
}: {
  address: LogAddress;
  outline: Outline;
  phases: readonly string[];
}) {
  const { params, patch } = address;
  const tick = (on: boolean) => (on ? <IconCheck size={14} /> : <span className={css.noTick} />);
  return (
    <Menu position="bottom-end" shadow="md" closeOnItemClick={false} returnFocus middlewares={FITTED}>
      <Menu.Target>
        <Tooltip label="Filter the lines">
          <ActionIcon
            aria-label="Filter the lines"
            data-pressed={isNarrowed(params) || undefined}
            className={css.tool}
            data-tool="filter"
          >
            <IconFilter size={17} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown className={css.menu}>
        <Menu.Label>Level</Menu.Label>
        {LEVELS.map(([level, word]) => (
          <Menu.Item key={word} leftSection={tick(params.level === level)} onClick={() => patch({ level })}>
            {word}
          </Menu.Item>
        ))}
        {outline.components.size > 1 && (
          <>
            <Menu.Label>Component</Menu.Label>
            {[...outline.components].map(([name, lines]) => (
              <Menu.Item
                key={name}
                leftSection={tick(params.component === name)}
                rightSection={<span className="dim">{formatCount(lines)}</span>}
                onClick={() => patch({ component: params.component === name ? undefined : name })}
              >
                {name}
              </Menu.Item>
            ))}
          </>
        )}
        {phases.length > 1 && (
          <>
            <Menu.Label>Phase</Menu.Label>
            {phases.map((name, index) => (
              <Menu.Item
                key={name}
                leftSection={tick(params.phase === String(index))}
                onClick={() => patch({ phase: params.phase === String(index) ? undefined : String(index) })}
              >
                {name}
              </Menu.Item>
            ))}
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import {
  IconArrowBarToDown,
  IconClock,
  IconClockOff,
  IconClockPlay,
  IconDownload,
  IconFileAlert,
  IconTextWrap,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { farmUrl } from '../api/base.ts';
import { plural } from '../parts/format.ts';
import css from './log.module.css';
import type { LogPrefs } from './prefs.ts';
import type { LogStore } from './store.ts';
import type { LogOf } from './use-log.ts';

const TIMES = {
  since: { icon: IconClockPlay, word: 'since the start' },
  clock: { icon: IconClock, word: 'of the clock' },
  off: { icon: IconClockOff, word: 'off' },
} as const;

/** What the log is, how long, and what can be done with it. */
export function LogToolbar({
  title,
  log,
  store,
  prefs,
  following,
  onTimes,
  onWrap,
  onFollow,
  onCause,
}: {
  title: string;
  log: LogOf;
  store: LogStore;
  prefs: LogPrefs;
  following: boolean;
  onTimes: () => void;
  onWrap: () => void;
  onFollow: () => void;
  onCause: (() => void) | null;
}) {
  const { icon: TimesIcon, word } = TIMES[prefs.times];
  return (
    <div className={css.toolbar}>
      <span className={css.title}>{title}</span>
      <span className={css.count}>
        {plural(store.total, 'line')}
        {store.complete ? ', finished' : following ? ', following' : ', paused'}
      </span>
      <span className={css.tools}>
        {onCause && (
          <Tool label="First error line (e)" onClick={onCause}>
            <IconFileAlert size={17} stroke={1.7} />
          </Tool>
        )}
        <Tool label={`Times: ${word} (t)`} onClick={onTimes}>
          <TimesIcon size={17} stroke={1.7} />
        </Tool>
        <Tool
          label={prefs.wrap ? 'Do not wrap lines (w)' : 'Wrap long lines (w)'}
          pressed={prefs.wrap}
          onClick={onWrap}
        >
          <IconTextWrap size={17} stroke={1.7} />
        </Tool>
        <Tool
          label={store.complete ? 'Jump to the end (End)' : 'Follow the end (End)'}
          pressed={!store.complete && following}
          onClick={onFollow}
        >
          <IconArrowBarToDown size={17} stroke={1.7} />
        </Tool>
        <Menu position="bottom-end" shadow="md">
          <Menu.Target>
            <ActionIcon aria-label="Download the log">
              <IconDownload size={17} stroke={1.7} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item component="a" href={farmUrl(`api/jobs/${log.jobId}/log.txt?attempt=${log.attempt}`)} download>
              As text
            </Menu.Item>
            <Menu.Item component="a" href={farmUrl(`api/jobs/${log.jobId}/log.jsonl?attempt=${log.attempt}`)} download>
              As JSON, one line each
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </span>
    </div>
  );
}

function Tool({
  label,
  pressed,
  onClick,
  children,
}: {
  label: string;
  pressed?: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        aria-label={label}
        aria-pressed={pressed}
        onClick={onClick}
        data-pressed={pressed || undefined}
        className={css.tool}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

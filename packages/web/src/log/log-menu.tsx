import { ActionIcon, Menu } from '@mantine/core';
import { IconDots, IconDownload, IconKeyboard } from '@tabler/icons-react';
import { farmUrl } from '../api/base.ts';
import type { CommandId, Commands } from './commands.ts';
import { FITTED } from './fitted.ts';
import css from './log.module.css';
import { conditionsOf } from './search-request.ts';
import type { LogOf } from './use-log.ts';
import type { LogAddress } from './use-log-address.ts';
import { queryOf } from './use-log-search.ts';

const PARTS: readonly (readonly CommandId[])[] = [
  ['search', 'only', 'nextHit', 'previousHit'],
  ['firstError', 'nextIssue', 'previousIssue', 'goTo', 'nextStep', 'previousStep', 'start', 'end', 'pause'],
  ['foldHere', 'foldDone', 'wrap', 'times', 'full'],
  ['copy', 'link'],
];

/** Everything that can be done with the log, by name, with the key that does it. */
export function LogMenu({
  log,
  address,
  commands,
  onHelp,
}: {
  log: LogOf;
  address: LogAddress;
  commands: Commands;
  onHelp: () => void;
}) {
  const query = queryOf(address.params);
  const conditions = query ? conditionsOf(query) : new URLSearchParams();
  const fileUrl = (file: string, narrowed: boolean) => {
    const params = new URLSearchParams(narrowed ? conditions : undefined);
    params.set('attempt', String(log.attempt));
    return farmUrl(`api/jobs/${log.jobId}/${file}?${params}`);
  };
  const key = (text: string) => <kbd className={css.kbd}>{text}</kbd>;
  return (
    <Menu position="bottom-end" shadow="md" width={270} middlewares={FITTED}>
      <Menu.Target>
        <ActionIcon aria-label="More that can be done with the log" className={css.tool} data-tool="more">
          <IconDots size={17} stroke={1.7} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown className={css.menu}>
        {PARTS.map((ids) => {
          const there = ids.filter((id) => commands[id].run !== null);
          if (there.length === 0) return null;
          return (
            <div key={ids[0]} className={css.menuPart}>
              {there.map((id) => {
                const { label, key: name, icon: Icon, run } = commands[id];
                return (
                  <Menu.Item
                    key={id}
                    leftSection={<Icon size={15} stroke={1.7} />}
                    rightSection={key(name)}
                    onClick={() => run?.()}
                  >
                    {label}
                  </Menu.Item>
                );
              })}
            </div>
          );
        })}
        <div className={css.menuPart}>
          {conditions.size > 0 && (
            <Menu.Item
              component="a"
              href={fileUrl('log.txt', true)}
              download
              leftSection={<IconDownload size={15} stroke={1.7} />}
            >
              Download the shown lines
            </Menu.Item>
          )}
          <Menu.Item
            component="a"
            href={fileUrl('log.txt', false)}
            download
            leftSection={<IconDownload size={15} stroke={1.7} />}
          >
            Download as text
          </Menu.Item>
          <Menu.Item
            component="a"
            href={fileUrl('log.jsonl', false)}
            download
            leftSection={<IconDownload size={15} stroke={1.7} />}
          >
            Download as JSON, one line each
          </Menu.Item>
        </div>
        <Menu.Item leftSection={<IconKeyboard size={15} stroke={1.7} />} rightSection={key('?')} onClick={onHelp}>
          All keys
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

import { ActionIcon, TextInput, Tooltip } from '@mantine/core';
import { IconChevronDown, IconChevronUp, IconLetterCase, IconListSearch, IconRegex, IconX } from '@tabler/icons-react';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { formatCount, plural } from '../parts/format.ts';
import css from './log.module.css';
import type { LogSearch } from './log-search.ts';
import type { LogAddress } from './use-log-address.ts';

/** After so long without a key the search begins. */
const TYPING_MS = 250;
/** Lines around each hit that are offered. */
const AROUND = ['0', '3', '10'] as const;

/** Searches the whole log: a field, how, how many, and the way from hit to hit. */
export function SearchBar({
  address,
  search,
  index,
  asked,
  onNext,
  onPrevious,
  onClose,
}: {
  address: LogAddress;
  search: LogSearch | null;
  /** Number of the hit that one is at, from 1; 0 for none. */
  index: number;
  /** Grows each time that the search is asked for: the field is focused. */
  asked: number;
  onNext: () => void;
  onPrevious: () => void;
  onClose: () => void;
}) {
  const { params, patch } = address;
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(params.q ?? '');
  const [around, setAround] = useState<string>(params.only ?? '0');

  useEffect(() => {
    if (asked > 0) field.current?.select();
  }, [asked]);

  const apply = () => patch({ q: text === '' ? undefined : text });
  const typed = text !== (params.q ?? '');
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new text begins the wait, nothing else does
  useEffect(() => {
    if (!typed) return;
    const timer = setTimeout(apply, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') {
      if (typed) apply();
      else if (event.shiftKey) onPrevious();
      else onNext();
    } else if (event.key === 'Escape') onClose();
    else return;
    event.preventDefault();
  };
  const isOnly = params.only !== undefined;
  const searched = search !== null && params.q !== undefined;
  const part = search && search.total > 0 ? search.looked / search.total : 0;
  return (
    <search className={css.search} aria-label="Search the log">
      <TextInput
        ref={field}
        className={css.searchField}
        aria-label="Search the whole log"
        placeholder={params.mode === 'regex' ? 'Regular expression, such as error|warning' : 'Search the whole log'}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        error={searched && search.error !== null}
        maxLength={1000}
        spellCheck={false}
        autoComplete="off"
        data-autofocus
        data-search
      />
      <Toggle
        label="Match case"
        on={params.case === 'match'}
        set={(on) => patch({ case: on ? 'match' : undefined })}
        icon={IconLetterCase}
      />
      <Toggle
        label="Regular expression"
        on={params.mode === 'regex'}
        set={(on) => patch({ mode: on ? 'regex' : undefined })}
        icon={IconRegex}
      />
      <Toggle
        label="Show only matching lines (m)"
        on={isOnly}
        set={(on) => patch({ only: on ? around : undefined })}
        icon={IconListSearch}
      />
      {isOnly && (
        <select
          className={css.around}
          aria-label="Lines around each match"
          value={around}
          onChange={({ currentTarget: { value } }) => {
            setAround(value);
            patch({ only: value });
          }}
        >
          {AROUND.map((lines) => (
            <option key={lines} value={lines}>
              {lines === '0' ? 'no lines around' : `${lines} lines around`}
            </option>
          ))}
        </select>
      )}
      <span className={css.found} role="status">
        {searched && !search.error && foundText(search, index)}
      </span>
      <Tooltip label="Hit before (Shift-Enter, N)">
        <ActionIcon aria-label="Hit before" onClick={onPrevious} disabled={!search?.count}>
          <IconChevronUp size={17} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Next hit (Enter, n)">
        <ActionIcon aria-label="Next hit" onClick={onNext} disabled={!search?.count}>
          <IconChevronDown size={17} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Close the search (Esc)">
        <ActionIcon aria-label="Close the search" onClick={onClose}>
          <IconX size={16} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
      {searched && search.error && (
        <p className={css.searchError} role="alert">
          {search.error.message}
        </p>
      )}
      {searched && search.running && (
        <i className={css.searchProgress} style={{ transform: `scaleX(${Math.max(0.02, part)})` }} />
      )}
    </search>
  );
}

function foundText({ count, running, looked, total }: LogSearch, index: number): string {
  const hits =
    count === 0
      ? running
        ? 'Searching'
        : 'Nothing found'
      : index > 0
        ? `${formatCount(index)} of ${formatCount(count)}`
        : plural(count, 'line');
  if (!running || total === 0) return running ? `${hits}…` : hits;
  return `${hits}… ${Math.floor((looked / total) * 100)}%`;
}

function Toggle({
  label,
  on,
  set,
  icon: Icon,
}: {
  label: string;
  on: boolean;
  set: (on: boolean) => void;
  icon: typeof IconX;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        aria-label={label}
        aria-pressed={on}
        data-pressed={on || undefined}
        className={css.tool}
        onClick={() => set(!on)}
      >
        <Icon size={17} stroke={1.7} />
      </ActionIcon>
    </Tooltip>
  );
}

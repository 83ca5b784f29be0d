import { Modal } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import css from './palette.module.css';
import { usePaletteEntries } from './palette-entries.ts';
import { findEntries, type PaletteEntry } from './palette-find.ts';
import { useShell } from './shell-context.ts';

/** The command palette: type a few letters, Enter goes there or does it. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const listId = useId();
  const entries = usePaletteEntries(useShell());
  const found = findEntries(entries, query, (id) => void navigate({ to: '/trace', search: { id } }));
  const chosen = found[Math.min(at, found.length - 1)];

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when another entry is chosen
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen?.id]);

  const pick = (each: PaletteEntry) => {
    onClose();
    each.go();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && found.length > 0) setAt((Math.min(at, found.length - 1) + step + found.length) % found.length);
    else if (event.key === 'Enter' && chosen) pick(chosen);
    else return;
    event.preventDefault();
  };

  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      padding={0}
      size={600}
      yOffset="12vh"
      centered={false}
      aria-label="Go to anything, do anything"
    >
      <div className={css.head}>
        <IconSearch size={18} aria-hidden />
        <input
          data-autofocus
          value={query}
          placeholder="A page, recipe, run, package, id or action"
          role="combobox"
          aria-label="What to go to or do"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={chosen && `${listId} ${chosen.id}`}
          onChange={(event) => {
            setQuery(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
        <kbd>Esc</kbd>
      </div>
      <div ref={list} id={listId} role="listbox" aria-label="Matches" className={css.list}>
        {found.length === 0 && (
          <p className={css.none}>Nothing has “{query.trim()}”. Try a recipe, a version or an id.</p>
        )}
        {found.map((each, index) => {
          const Icon = each.icon;
          return (
            <div key={each.id}>
              {each.group !== found[index - 1]?.group && <p className={css.group}>{each.group}</p>}
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keyboard */}
              <div
                id={`${listId} ${each.id}`}
                role="option"
                tabIndex={-1}
                aria-selected={each === chosen}
                className={css.entry}
                onMouseMove={() => setAt(index)}
                onClick={() => pick(each)}
              >
                <Icon size={16} stroke={1.7} aria-hidden />
                <span className="nowrap">{each.label}</span>
                <span className={css.hint}>{each.hint}</span>
              </div>
            </div>
          );
        })}
      </div>
    </Modal>
  );
}

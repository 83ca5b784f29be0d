import { ActionIcon, Tooltip } from '@mantine/core';
import { IconKeyboard, IconLogout, IconMenu2, IconSearch, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useLocation } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { actions } from '../api/actions.ts';
import { farmUrl } from '../api/base.ts';
import { queries } from '../api/queries.ts';
import { tellFailure } from '../parts/tell.tsx';
import { LiveMark } from './live-mark.tsx';
import { PLACES } from './places.ts';
import { SchemeToggle } from './scheme-toggle.tsx';
import { useShell } from './shell-context.ts';
import css from './sidebar.module.css';

/** Ends the session and asks for a token again. */
export async function signOut(): Promise<void> {
  try {
    await actions.signOut();
    location.assign(farmUrl('sign-in'));
  } catch (error) {
    tellFailure('Signing out failed', error);
  }
}

/** Where one can go, and how the page is connected. A bar with a menu on narrow screens. */
export function Sidebar() {
  const [open, setOpen] = useState(false);
  const path = useLocation({ select: (location) => location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes when the page changes
  useEffect(() => setOpen(false), [path]);
  const shell = useShell();
  const me = useQuery(queries.me);
  return (
    <aside className={css.side} data-open={open || undefined}>
      <div className={css.brand}>
        <Link to="/" className={css.logo}>
          <img src={farmUrl('kiln.svg')} alt="" width={22} height={22} />
          <span>Kiln</span>
        </Link>
        {me.data && (
          <span className={css.farm} title={`Kiln ${me.data.version}`}>
            {me.data.farmId}
          </span>
        )}
        <ActionIcon
          className={css.menu}
          size={36}
          aria-label={open ? 'Close the menu' : 'Open the menu'}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? <IconX size={20} /> : <IconMenu2 size={20} />}
        </ActionIcon>
      </div>
      <div className={css.body}>
        <button type="button" className={css.search} onClick={shell.openPalette}>
          <IconSearch size={15} aria-hidden />
          <span>Go to or do…</span>
          <kbd>Ctrl K</kbd>
        </button>
        <nav aria-label="Pages">
          <ul>
            {PLACES.map(({ to, label, icon: Icon }) => (
              <li key={to}>
                <Link
                  to={to}
                  className={css.place}
                  activeOptions={{ exact: to === '/', includeSearch: false }}
                  activeProps={{ 'aria-current': 'page' }}
                >
                  <Icon size={17} stroke={1.7} aria-hidden />
                  {label}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div className={css.foot}>
          <LiveMark />
          <div className={css.tools}>
            <SchemeToggle />
            <Tooltip label="Keyboard (?)">
              <ActionIcon aria-label="Keyboard shortcuts" onClick={shell.openHelp}>
                <IconKeyboard size={17} stroke={1.7} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label={me.data ? `Sign out ${me.data.subject}` : 'Sign out'}>
              <ActionIcon aria-label="Sign out" onClick={() => void signOut()}>
                <IconLogout size={17} stroke={1.7} />
              </ActionIcon>
            </Tooltip>
          </div>
        </div>
      </div>
    </aside>
  );
}

import { Outlet } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { useLiveWhileShown } from '../live/live.tsx';
import { ConnectionBar } from './connection-bar.tsx';
import css from './shell.module.css';
import { type Shell as ShellActions, ShellContext } from './shell-context.ts';
import { Sidebar } from './sidebar.tsx';
import { useShortcuts } from './use-shortcuts.ts';

const loadPalette = () => import('./palette.tsx');
const Palette = lazy(loadPalette);
const Help = lazy(() => import('./help.tsx'));
const RunDialog = lazy(() => import('./run-dialog.tsx'));

/** The page itself comes first. */
const PALETTE_AFTER_MS = 1500;

type Overlay = { kind: 'palette' } | { kind: 'help' } | { kind: 'run'; recipe: string | undefined } | null;

/** The frame around every page: sidebar, connection, palette, help and the dialog that starts a run. */
export function Shell() {
  const [overlay, setOverlay] = useState<Overlay>(null);
  const main = useRef<HTMLElement>(null);
  const close = () => setOverlay(null);
  const shell = useMemo<ShellActions>(
    () => ({
      openPalette: () => setOverlay({ kind: 'palette' }),
      openHelp: () => setOverlay({ kind: 'help' }),
      openRunDialog: (recipe) => setOverlay({ kind: 'run', recipe }),
    }),
    [],
  );
  useShortcuts(shell);
  useLiveWhileShown();
  // So that it is there at once, and no letter typed after Ctrl-K gets lost.
  useEffect(() => {
    const timer = setTimeout(() => void loadPalette(), PALETTE_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <ShellContext value={shell}>
      <button type="button" className={css.skip} onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <div className={css.frame}>
        <Sidebar />
        <main ref={main} className={css.main} tabIndex={-1}>
          <ConnectionBar />
          <Outlet />
        </main>
      </div>
      <Suspense>
        {overlay?.kind === 'palette' && <Palette onClose={close} />}
        {overlay?.kind === 'help' && <Help onClose={close} />}
        {overlay?.kind === 'run' && <RunDialog recipe={overlay.recipe} onClose={close} />}
      </Suspense>
    </ShellContext>
  );
}

import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { isForPage } from '../parts/keys.ts';
import { PLACES } from './places.ts';
import type { Shell } from './shell-context.ts';

/** How long `g` waits for the letter of a page. */
const SECOND_KEY_MS = 1200;

/** The shortcuts that work on every page: Ctrl-K, `/`, `?`, and `g` with a page's letter. */
export function useShortcuts(shell: Shell): void {
  const navigate = useNavigate();
  useEffect(() => {
    let wentAt = 0;
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        shell.openPalette();
        return;
      }
      if (!isForPage(event)) return;
      const place = Date.now() - wentAt < SECOND_KEY_MS ? PLACES.find(({ key }) => key === event.key) : undefined;
      wentAt = event.key === 'g' ? Date.now() : 0;
      if (place) void navigate({ to: place.to });
      else if (event.key === '?') shell.openHelp();
      else if (event.key === '/') {
        const search = document.querySelector<HTMLElement>('[data-search]');
        if (search) search.focus();
        else shell.openPalette();
      } else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [navigate, shell]);
}

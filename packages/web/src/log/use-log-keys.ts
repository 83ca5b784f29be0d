import { useEffect } from 'react';
import { isForPage } from '../parts/keys.ts';
import type { Commands } from './commands.ts';

/**
 * The keys of the log. They come before those of the frame around the page, which has its own `/` and `g`. Ctrl-F opens the log's search,
 * since the browser's sees only what is on the screen; a second one, in its field, is the browser's.
 */
export function useLogKeys(commands: Commands, onEscape: () => boolean): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isFind = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key === 'f';
      const isTyping = event.target instanceof Element && event.target.closest('input, textarea, [role="dialog"]');
      if (isFind && !isTyping) {
        event.preventDefault();
        commands.search.run?.();
        return;
      }
      if (!isForPage(event) || (event.target instanceof Element && event.target.closest('[role="menu"]'))) return;
      if (event.key === 'Escape') {
        if (onEscape()) event.preventDefault();
        return;
      }
      const command = Object.values(commands).find(({ key }) => key === event.key);
      if (!command) return;
      event.preventDefault();
      command.run?.();
    };
    document.addEventListener('keydown', onKey, true);
    return () => document.removeEventListener('keydown', onKey, true);
  });
}

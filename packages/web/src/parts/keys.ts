import { type RefObject, useEffect } from 'react';

/** Whether the key was meant for a field, a dialog or a shortcut of the browser, and not for the page. */
export function isForPage(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
  const target = event.target instanceof Element ? event.target : null;
  return !target?.closest('input, textarea, select, [contenteditable="true"], [role="dialog"]');
}

/** `j` and `k` move the focus over the `[data-item]` elements within `list`; Enter is the focused element's own. */
export function useListKeys(list: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.key !== 'j' && event.key !== 'k') || !isForPage(event) || !list.current) return;
      const items = [...list.current.querySelectorAll<HTMLElement>('[data-item]')];
      if (items.length === 0) return;
      event.preventDefault();
      const now = items.indexOf(document.activeElement as HTMLElement);
      const next = now < 0 ? 0 : now + (event.key === 'j' ? 1 : -1);
      const item = items[Math.min(Math.max(next, 0), items.length - 1)];
      item?.focus();
      item?.scrollIntoView({ block: 'nearest' });
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [list]);
}

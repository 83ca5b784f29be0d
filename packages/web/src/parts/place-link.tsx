import { useRouter } from '@tanstack/react-router';
import type { MouseEvent, ReactNode } from 'react';
import { basePath } from '../api/base.ts';

/** A link to a place that the farm named by its path, such as `/runs/…`. */
export function PlaceLink({ href, children }: { href: string; children: ReactNode }) {
  const router = useRouter();
  const path = basePath + href.replace(/^\/+/, '');
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    router.history.push(path);
  };
  return (
    <a href={path} onClick={onClick}>
      {children}
    </a>
  );
}

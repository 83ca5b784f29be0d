import type { LogPage } from '@kiln/protocol/api.ts';
import { request } from '../api/request.ts';
import { plainText } from './ansi.ts';
import type { Selection } from './selection.ts';

/** More lines than this are better downloaded. */
export const MOST_COPIED = 50_000;
const PAGE = 5000;

/** Puts lines of a log on the clipboard, as they are seen. Throws when they can't be had or the browser does not let it. */
export async function copyLines(
  { jobId, attempt }: { jobId: string; attempt: number },
  { first, last }: Selection,
): Promise<void> {
  const texts: string[] = [];
  for (let from = first; from <= last; ) {
    const query = `attempt=${attempt}&from=${from}&limit=${Math.min(PAGE, last - from + 1)}`;
    const { lines } = await request<LogPage>(`api/jobs/${jobId}/log?${query}`);
    if (lines.length === 0) break;
    texts.push(...lines.map(({ text }) => plainText(text)));
    from += lines.length;
  }
  await copyText(`${texts.join('\n')}\n`);
}

/** Puts a text on the clipboard, also where the dashboard is not served by https. */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) return await navigator.clipboard.writeText(text);
  const field = document.createElement('textarea');
  field.value = text;
  field.style.position = 'fixed';
  field.style.opacity = '0';
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (!done) throw new Error('the browser did not let the page copy; the dashboard needs https for that');
}

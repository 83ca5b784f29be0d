import type { ForgeConfig } from '@kiln/service/config-forges.ts';
import { VERSION } from '@kiln/service/version.ts';
import { type Answer, judge } from './answer.ts';
import type { ForgeRequest } from './requests.ts';
import { readToken } from './token.ts';

/** More of an answer is not read. */
const ANSWER_LIMIT = 256 * 1024;

/** Makes one call. Never throws: what went wrong is in the answer, without the token. An abort counts as `down`. */
export async function send(
  forge: ForgeConfig,
  request: ForgeRequest,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<Answer> {
  let token = '';
  try {
    token = await readToken(forge.tokenFile);
    const headers = { ...headersOf(forge, token), 'content-type': 'application/json', 'user-agent': `kiln/${VERSION}` };
    const init = {
      method: request.method,
      headers,
      body: JSON.stringify(request.body),
      // A redirect is followed by hand: fetch would make a GET of it, and might take the token to another host.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    } as const;
    const url = forge.api + request.path;
    const first = await fetch(url, init);
    const moved = movedTo(first, url);
    if (moved) await first.body?.cancel();
    const response = moved ? await fetch(moved, init) : first;
    const text = (await readSome(response)).replaceAll(token, '***');
    return judge(forge, { status: response.status, headers: response.headers, text });
  } catch (error) {
    return { outcome: 'down', error: describe(error, timeoutMs).replaceAll(token || '\0', '***'), waitMs: null };
  }
}

function headersOf({ kind }: ForgeConfig, token: string): Record<string, string> {
  switch (kind) {
    case 'github':
      return {
        authorization: `Bearer ${token}`,
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
      };
    case 'gitea':
      return { authorization: `token ${token}`, accept: 'application/json' };
    case 'gitlab':
      return { 'private-token': token, accept: 'application/json' };
  }
}

/** Where a renamed repository is now, when that is on the same host. */
function movedTo(response: Response, from: string): string | null {
  const location = response.headers.get('location');
  if (![301, 307, 308].includes(response.status) || !location || !URL.canParse(location, from)) return null;
  const to = new URL(location, from);
  return to.origin === new URL(from).origin ? to.href : null;
}

async function readSome(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ANSWER_LIMIT) break;
  }
  return text;
}

/** fetch hides the reason of a failed connection in the cause. */
function describe(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `gave no answer within ${timeoutMs / 1000} s`;
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

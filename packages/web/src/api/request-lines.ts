import { farmUrl } from './base.ts';
import { ApiFailure, failureOf } from './request.ts';

/**
 * Asks the farm for an answer of JSON lines, and gives each as it comes. `path` is without a leading slash. Throws
 * ApiFailure when the farm refuses, can't be reached or is lost on the way, an AbortError when `signal` fires.
 */
export async function* requestLines<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
  const response = await fetch(farmUrl(path), { credentials: 'same-origin', signal }).catch(unreachable);
  if (!response.ok) throw await failureOf(response);
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(unreachable);
      if (done) break;
      const lines = (rest + value).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as T;
    }
  } finally {
    // Whoever stops reading makes the farm stop, too.
    await reader.cancel().catch(() => undefined);
  }
}

function unreachable(error: unknown): never {
  if (error instanceof DOMException && error.name === 'AbortError') throw error;
  throw new ApiFailure(0, 'unreachable', 'The farm cannot be reached. Is the platform running?');
}

/**
 * Runs `work` and gives its result, or throws an Error `<what> within <limit> ms` when it takes longer. The work is not
 * stopped by that: what can be stopped should listen to a signal of its own.
 */
export async function withLimit<T>(limitMs: number, what: string, work: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what} within ${limitMs} ms`)), limitMs);
  try {
    return await Promise.race([work(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

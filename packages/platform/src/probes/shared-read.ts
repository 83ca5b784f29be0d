/**
 * Makes a read that many may ask for at once into one that is done at most once every `ms`: whoever asks meanwhile gets
 * the same answer. An error is not kept.
 */
export function shareRead<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | null = null;
  let until = 0;
  return async () => {
    if (current && Date.now() < until) return await current;
    const mine = read();
    current = mine;
    // While it is under way everybody waits for it, however long it takes.
    until = Number.POSITIVE_INFINITY;
    try {
      const value = await mine;
      if (current === mine) until = Date.now() + ms;
      return value;
    } catch (error) {
      if (current === mine) current = null;
      throw error;
    }
  };
}

/** A read that many may ask for at once, and that is done once for all of them. */
export interface SharedRead<T> {
  /** The answer, at most as old as was agreed. An error is given to who waited for it and not kept. */
  read(): Promise<T>;
  /** Something changed: whoever asks from now on gets a read that began after this. */
  forget(): void;
}

/** Makes a read that is done at most once every `ms`, and again when something changed. */
export function shareRead<T>(ms: number, work: () => Promise<T>): SharedRead<T> {
  let current: Promise<T> | null = null;
  let until = 0;
  return {
    async read() {
      if (current && Date.now() < until) return await current;
      const mine = work();
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
    },
    forget() {
      current = null;
    },
  };
}

/** Calls to the disk wait more than they work: this many at once take a fraction of the time of one after another. */
const WIDTH = 16;

/** Maps items by work on the disk, at most `width` of them at once. The results are in the order of the items; the first error ends it. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  width = WIDTH,
): Promise<R[]> {
  const results: R[] = [];
  const next = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of next) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}

/** Asks the log of a job that is on the screen to show a line. Nothing happens when it is not on the screen. */
const listeners = new Set<(jobId: string, line: number) => void>();

/** Shows a line of a job's log, also when the address names that line already. */
export function askForLine(jobId: string, line: number): void {
  for (const listener of listeners) listener(jobId, line);
}

/** Calls `listener` when somebody asks for a line, until the returned function is called. */
export function onLineAsked(listener: (jobId: string, line: number) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

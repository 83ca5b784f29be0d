import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isRunning, type ProcessIdentity } from '@kiln/store/data-dir.ts';

/** The parts that a supervisor started, kept in `run/parts.json`, so that its successor can end what outlived it. */
export class PartsFile {
  readonly #path: string;
  readonly #parts = new Map<string, ProcessIdentity>();
  #writing = Promise.resolve();

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'run', 'parts.json');
  }

  /** Notes the process of a part; null when it has none now. Written in order, one after the other. */
  note(part: string, pid: number | null): void {
    this.#writing = this.#writing
      .then(async () => {
        const identity = pid === null ? null : await identify(pid);
        if (identity) this.#parts.set(part, identity);
        else this.#parts.delete(part);
        await writeFile(this.#path, JSON.stringify(Object.fromEntries(this.#parts)), { mode: 0o600 });
      })
      // Without the file only the tidying after a kill -9 is slower: the parts end by themselves.
      .catch(() => {});
  }

  /** Removes the file: nothing is left. */
  async close(): Promise<void> {
    await this.#writing;
    await rm(this.#path, { force: true });
  }
}

/** How long parts that lost their supervisor get to end by themselves, in milliseconds. */
const PATIENCE_MS = 5000;

/** Waits for the parts that outlived a killed supervisor, which end by themselves, and kills those that do not. */
export async function endLeftovers(dataDir: string): Promise<void> {
  const parts = await readParts(join(dataDir, 'run', 'parts.json'));
  const deadline = Date.now() + PATIENCE_MS;
  for (const part of parts) {
    while (await isRunning(part)) {
      if (Date.now() > deadline) kill(part.pid);
      await sleep(20);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function readParts(path: string): Promise<ProcessIdentity[]> {
  try {
    const parts: Record<string, ProcessIdentity> = JSON.parse(await readFile(path, 'utf8'));
    return Object.values(parts).filter((part) => Number.isInteger(part?.pid));
  } catch {
    return [];
  }
}

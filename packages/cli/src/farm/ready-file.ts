import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `run/ready.json` in the data directory: there while a farm runs and every part of it was ready once. */
export interface ReadyFile {
  /** The supervisor, or a server without one. */
  pid: number;
  /** Address of the dashboard and the API with its sub-path, such as http://127.0.0.1:10142; null when nothing listens. */
  http: string | null;
  /** Address for agents, such as ws://127.0.0.1:10143. */
  orchestrator: string | null;
  /** Address of the agent's /health, /ready and /metrics; null when it has none. */
  agent: string | null;
  /** RFC 3339. */
  startedAt: string;
}

const path = (dataDir: string) => join(dataDir, 'run', 'ready.json');

/** Writes the file whole, so that a reader never sees half of it. */
export async function writeReadyFile(dataDir: string, ready: ReadyFile): Promise<void> {
  await writeFile(`${path(dataDir)}.new`, `${JSON.stringify(ready, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path(dataDir)}.new`, path(dataDir));
}

/** The file of a farm that runs or ran; null when there is none. */
export async function readReadyFile(dataDir: string): Promise<ReadyFile | null> {
  try {
    return JSON.parse(await readFile(path(dataDir), 'utf8'));
  } catch {
    return null;
  }
}

export async function removeReadyFile(dataDir: string): Promise<void> {
  await rm(path(dataDir), { force: true });
}

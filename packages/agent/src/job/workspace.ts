import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AttemptReference } from '@kiln/protocol/agent-messages.ts';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

/** What the next agent must know about an attempt that this one can't finish. */
export const AttemptRecord = Type.Object({ ...AttemptReference.properties, token: Type.String({ minLength: 16 }) });
export type AttemptRecord = Static<typeof AttemptRecord>;

const record = Compile(AttemptRecord);
const RECORD = 'attempt.json';

/**
 * The folders of one attempt. Small things are written synchronously: each takes some 20 µs, a tenth of what handing it
 * to another thread costs, and there are several for each job.
 */
export class Workspace {
  /** Everything of the attempt is in here. */
  readonly folder: string;
  /** The checkout, and where steps run. */
  readonly work: string;
  readonly tmp: string;
  readonly home: string;
  #scripts = 0;

  constructor(jobs: string, { jobId, attempt }: AttemptReference) {
    this.folder = join(jobs, `${jobId}-${attempt}`);
    this.work = join(this.folder, 'workspace');
    this.tmp = join(this.folder, 'tmp');
    this.home = join(this.folder, 'home');
  }

  /** Makes the folders, empty, and the record. Throws when they are there already. */
  create(attempt: AttemptRecord): void {
    for (const folder of [this.folder, this.work, this.tmp, this.home]) mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(this.folder, RECORD), JSON.stringify(attempt), { mode: 0o600 });
  }

  /** Writes the script of a step into a file of its own and returns its path. */
  script(text: string): string {
    const path = join(this.folder, `step-${++this.#scripts}.sh`);
    writeFileSync(path, text.endsWith('\n') ? text : `${text}\n`, { mode: 0o600 });
    return path;
  }

  /** Removes the record: nothing is left to be told about the attempt. */
  forget(): void {
    rmSync(join(this.folder, RECORD), { force: true });
  }
}

/** The attempts that an earlier process left in the folder of jobs. A folder without a readable record is `null`. */
export async function readRecords(jobs: string): Promise<{ folder: string; record: AttemptRecord | null }[]> {
  const names = await readdir(jobs).catch(() => []);
  return await Promise.all(
    names.map(async (name) => {
      const folder = join(jobs, name);
      const text = await readFile(join(folder, RECORD), 'utf8').catch(() => '');
      return { folder, record: parseRecord(text) };
    }),
  );
}

function parseRecord(text: string): AttemptRecord | null {
  try {
    const value: unknown = JSON.parse(text);
    return record.Check(value) ? value : null;
  } catch {
    return null;
  }
}

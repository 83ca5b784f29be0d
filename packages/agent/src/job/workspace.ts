import { closeSync, constants, ftruncateSync, lstatSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptRecord } from './attempt-record.ts';
import { RECORD } from './attempt-record.ts';

const FOLDER_MODE = 0o700;
/** Never through a link that a job may have left in place of the file. */
const OVERWRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
const SCRIPT = /^step-\d+\.sh$/;

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

  constructor(folder: string) {
    this.folder = folder;
    this.work = join(folder, 'workspace');
    this.tmp = join(folder, 'tmp');
    this.home = join(folder, 'home');
  }

  /** Makes the folders, empty, where they are not there already as another attempt left them, and the record. */
  create(attempt: AttemptRecord, isRecycled: boolean): void {
    if (!isRecycled) {
      for (const folder of [this.folder, this.work, this.tmp, this.home]) mkdirSync(folder, { mode: FOLDER_MODE });
    }
    this.note(attempt);
  }

  /** Writes the record. */
  note(attempt: AttemptRecord): void {
    overwrite(join(this.folder, RECORD), JSON.stringify(attempt));
  }

  /** Writes the script of a step into a file of its own and returns its path. */
  script(text: string): string {
    const path = join(this.folder, `step-${++this.#scripts}.sh`);
    overwrite(path, text.endsWith('\n') ? text : `${text}\n`);
    return path;
  }

  /** Empties the record: nothing is left to be told about the attempt. */
  forget(): void {
    overwrite(join(this.folder, RECORD), '{}');
  }

  /** Whether a job left the folders as it found them: empty, and nobody's else. Throws when it closed them to us. */
  isUntouched(): boolean {
    const folders = [this.work, this.tmp, this.home];
    const others = readdirSync(this.folder).filter((name) => name !== RECORD && !SCRIPT.test(name));
    return (
      others.length === folders.length &&
      isAsMade(this.folder) &&
      folders.every((folder) => isAsMade(folder) && readdirSync(folder).length === 0)
    );
  }
}

function isAsMade(folder: string): boolean {
  const found = lstatSync(folder);
  return found.isDirectory() && (found.mode & 0o7777) === FOLDER_MODE;
}

/** Writes over what a file held: that costs the file system far less than a new file does. */
function overwrite(path: string, text: string): void {
  const file = openSync(path, OVERWRITE, 0o600);
  try {
    ftruncateSync(file, writeSync(file, text));
  } finally {
    closeSync(file);
  }
}

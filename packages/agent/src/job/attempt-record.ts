import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LostAttempt } from '@kiln/protocol/agent-messages.ts';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';

/** What the next agent must know about an attempt that this one can't finish. */
export const AttemptRecord = Type.Object({ ...LostAttempt.properties, token: Type.String({ minLength: 16 }) });
export type AttemptRecord = Static<typeof AttemptRecord>;

const record = Compile(AttemptRecord);

/** The record's file in the folder of an attempt. */
export const RECORD = 'attempt.json';

/** The attempts that an earlier process left in the folder of jobs. A folder without a record of any is `null`. */
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

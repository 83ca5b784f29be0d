import { readFile } from 'node:fs/promises';
import type { S3Access } from '@kiln/service/config-blobs.ts';

/** What a request to an S3 service is signed with. */
export interface S3Keys {
  accessKeyId: string;
  secretAccessKey: string;
  /** Only with temporary keys. */
  sessionToken?: string;
}

/**
 * The keys of an S3 service: from the files, which are read at each use so that new keys hold at once, or from the
 * environment as all programs for S3 read it. Throws an Error that names the file or variable that is missing.
 */
export async function readS3Keys(access: S3Access, env = process.env): Promise<S3Keys> {
  const accessKeyId = await readKey(access.accessKeyFile, 'blobs.access_key_file', 'AWS_ACCESS_KEY_ID', env);
  const secretAccessKey = await readKey(access.secretKeyFile, 'blobs.secret_key_file', 'AWS_SECRET_ACCESS_KEY', env);
  // A session token belongs to the keys of the environment, not to those of files.
  const sessionToken = access.accessKeyFile === null ? env.AWS_SESSION_TOKEN : undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

async function readKey(
  file: string | null,
  setting: string,
  variable: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  if (file === null) {
    const key = env[variable];
    if (key) return key;
    throw new Error(`there are no keys for the bucket: set ${setting} to a file with the key, or ${variable}`);
  }
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new Error(`${setting} can't be read: ${cause.message}`, { cause });
  });
  if (text.trim() === '') throw new Error(`${setting} (${file}) is empty; put the key into it`);
  return text.trim();
}

import { readFile } from 'node:fs/promises';

/** Raised when a secret is configured but can't be had. */
export class SecretError extends Error {
  override name = 'SecretError';
}

/**
 * The secret in a file, without the newline that editors put at its end. Read at each use, so that a changed one holds at
 * once. Throws SecretError, which names the file.
 */
export async function readSecret(file: string): Promise<string> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    throw new SecretError(`the secret of this webhook can't be read: ${error instanceof Error ? error.message : file}`);
  }
  const secret = content.replace(/[\r\n]+$/, '');
  if (secret === '') throw new SecretError(`the secret of this webhook is empty: ${file}`);
  return secret;
}

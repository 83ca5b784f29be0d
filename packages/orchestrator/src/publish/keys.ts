import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSystemError, replaceFile } from './disk.ts';
import { PublishError } from './errors.ts';

/** The public key that the active view was signed with. */
export interface PublishedKey {
  file: string;
  text: string;
}

/** Reads the public key of the active view; null when nothing is published yet. */
export async function readPublished(file: string): Promise<PublishedKey | null> {
  const text = await readIfThere(file);
  return text === null ? null : { file, text };
}

/**
 * Reads a private key, or makes it where the repository never had one. A lost key is not replaced in silence: everyone
 * who trusts the old one would be locked out, and could not tell it from an attack.
 */
export async function readPrivateKey(
  file: string,
  published: PublishedKey | null,
  make: () => string | Buffer | Promise<string>,
): Promise<string> {
  const known = await readIfThere(file);
  if (known !== null) return known;
  if (published)
    throw new PublishError(
      `the signing key ${file} is missing, and the repository was signed with it; restore it from a backup, or remove ${published.file} to begin with a new key that its users must fetch`,
      { final: false },
    );
  const made = String(await make());
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await replaceFile(file, `${file}.new`, made, 0o600);
  return made;
}

/** Throws the PublishError of a repository that was signed with another key than ours. */
export function refuseOtherKey(file: string, published: string): never {
  throw new PublishError(
    `the repository was signed with another key than ${file} (its public half is ${published}); put the old key back, or remove ${published} to begin with this one, which its users must fetch`,
    { final: false },
  );
}

async function readIfThere(file: string): Promise<string | null> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  });
}

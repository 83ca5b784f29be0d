import { readIfThere } from './disk.ts';
import { PublishError } from './errors.ts';
import type { SigningKeys } from './signing-keys.ts';

/** A public key that readers of a repository have: where it is, and its text. */
export interface PublishedKey {
  place: string;
  text: string;
}

/** Reads the public key of an active view; null when nothing is published there yet. */
export async function readPublished(file: string): Promise<PublishedKey | null> {
  const text = await readIfThere(file);
  return text === null ? null : { place: file, text };
}

/**
 * Reads a private key, or makes it where the repository never had one. A lost key is not replaced in silence: everyone
 * who trusts the old one would be locked out, and could not tell it from an attack.
 */
export async function readPrivateKey(
  keys: SigningKeys,
  name: string,
  published: readonly PublishedKey[],
  make: () => string | Buffer | Promise<string>,
): Promise<string> {
  const known = await keys.read(name);
  if (known !== null) return known;
  if (published.length === 0) return await keys.make(name, String(await make()));
  const places = published.map(({ place }) => place).join(' and ');
  throw new PublishError(
    `the signing key ${keys.describe(name)} is missing, also in the database, and the repository was signed with it; restore it from a backup, or remove ${places} to begin with a new key that its users must fetch`,
    { final: false },
  );
}

/** Throws the PublishError of a repository that was signed with another key than ours. */
export function refuseOtherKey(key: string, { place }: PublishedKey): never {
  throw new PublishError(
    `the repository was signed with another key than ${key} (its public half is ${place}); put the old key back, or remove ${place} to begin with this one, which its users must fetch`,
    { final: false },
  );
}

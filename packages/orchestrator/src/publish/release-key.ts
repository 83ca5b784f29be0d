import * as openpgp from 'openpgp';
import { type PublishedKey, readPrivateKey, refuseOtherKey } from './keys.ts';
import type { SigningKeys } from './signing-keys.ts';

/** Signs the Release file of one apt repository. */
export interface ReleaseKey {
  /** The public half, armored: what apt's `signed-by` takes as an .asc file. */
  publicKey: string;
  /** The text with its signature around it, as InRelease. */
  signAround(text: string): Promise<string>;
  /** The signature alone, armored, as Release.gpg. */
  signBeside(text: string): Promise<string>;
}

/** Machines whose clock is a little behind must not see a key or a signature from the future. */
const CLOCK_SKEW_MS = 3_600_000;

/**
 * The OpenPGP key of a repository, `<repository>.pgp`, made on first use. `published` are the public keys that its readers
 * have. Throws a PublishError when one of them is another key's.
 */
export async function openReleaseKey(
  keys: SigningKeys,
  repository: string,
  published: readonly PublishedKey[],
): Promise<ReleaseKey> {
  const name = `${repository}.pgp`;
  const place = keys.describe(name);
  const armored = await readPrivateKey(keys, name, published, async () => await makeKey(repository));
  const key = await openpgp.readPrivateKey({ armoredKey: armored }).catch((cause: unknown) => {
    throw new Error(`${place} is not an OpenPGP private key; restore it from a backup`, { cause });
  });
  for (const one of published) {
    const before = await openpgp.readKey({ armoredKey: one.text }).catch(() => null);
    if (before?.getFingerprint() !== key.getFingerprint()) refuseOtherKey(place, one);
  }
  return {
    publicKey: key.toPublic().armor(),
    async signAround(text) {
      const message = await openpgp.createCleartextMessage({ text });
      const signed = await openpgp.sign({ message, signingKeys: key });
      // The signature is over the lines, whatever ends them, and Unix tools want the plain ending.
      return signed.replaceAll('\r\n', '\n');
    },
    async signBeside(text) {
      const message = await openpgp.createMessage({ binary: Buffer.from(text) });
      return await openpgp.sign({ message, signingKeys: key, detached: true, format: 'armored' });
    },
  };
}

/** An EdDSA key in the form that every gpgv since 2.1 reads; the newer one of RFC 9580 needs a newer gpgv. */
async function makeKey(repository: string): Promise<string> {
  const { privateKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    subkeys: [],
    userIDs: [{ name: `Kiln repository ${repository}` }],
    date: new Date(Date.now() - CLOCK_SKEW_MS),
    format: 'armored',
  });
  return privateKey;
}

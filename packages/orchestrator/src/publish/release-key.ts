import { join } from 'node:path';
import * as openpgp from 'openpgp';
import { readPrivateKey, readPublished, refuseOtherKey } from './keys.ts';

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
 * The OpenPGP key of a repository, made on first use and kept in `<keysDir>/<repository>.pgp` (mode 0600). `active` is
 * the folder of the active view. Throws a PublishError when that view was signed with another key.
 */
export async function openReleaseKey(keysDir: string, repository: string, active: string): Promise<ReleaseKey> {
  const published = await readPublished(join(active, 'key.asc'));
  const file = join(keysDir, `${repository}.pgp`);
  const armored = await readPrivateKey(file, published, async () => await makeKey(repository));
  const key = await openpgp.readPrivateKey({ armoredKey: armored }).catch((cause: unknown) => {
    throw new Error(`${file} is not an OpenPGP private key; restore it from a backup`, { cause });
  });
  if (published) {
    const before = await openpgp.readKey({ armoredKey: published.text }).catch(() => null);
    if (before?.getFingerprint() !== key.getFingerprint()) refuseOtherKey(file, published.file);
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

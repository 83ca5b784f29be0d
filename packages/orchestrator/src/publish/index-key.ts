import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type PublishedKey, readPrivateKey, refuseOtherKey } from './keys.ts';
import type { SigningKeys } from './signing-keys.ts';

/** Signs the index of one repository. */
export interface IndexKey {
  /** The public half, PEM. */
  publicKey: string;
  /** The Ed25519 signature of a text in UTF-8: 64 bytes in base64. */
  sign(text: string): string;
}

/**
 * The Ed25519 key of a repository, `<repository>.pem`, made on first use. `published` are the public keys that its readers
 * have. Throws a PublishError when one of them is another key's.
 */
export async function openIndexKey(
  keys: SigningKeys,
  repository: string,
  published: readonly PublishedKey[],
): Promise<IndexKey> {
  const name = `${repository}.pem`;
  const place = keys.describe(name);
  const make = () => generateKeyPairSync('ed25519').privateKey.export(PKCS8);
  const privateKey = parse(await readPrivateKey(keys, name, published, make), place);
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  for (const one of published) if (one.text.trim() !== publicKey.trim()) refuseOtherKey(place, one);
  return { publicKey, sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64') };
}

const PKCS8 = { type: 'pkcs8', format: 'pem' } as const;

function parse(pem: string, place: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw new Error(`${place} is not a private key in PEM; restore it from a backup`, { cause });
  }
  throw new Error(`${place} is not an Ed25519 key; restore it from a backup`);
}

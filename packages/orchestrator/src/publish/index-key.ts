import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { readPrivateKey, readPublished, refuseOtherKey } from './keys.ts';

/** Signs the index of one repository. */
export interface IndexKey {
  /** The public half, PEM. */
  publicKey: string;
  /** The Ed25519 signature of a text in UTF-8: 64 bytes in base64. */
  sign(text: string): string;
}

/**
 * The Ed25519 key of a repository, made on first use and kept in `<keysDir>/<repository>.pem` (mode 0600). `active` is
 * the folder of the active view. Throws a PublishError when that view was signed with another key.
 */
export async function openIndexKey(keysDir: string, repository: string, active: string): Promise<IndexKey> {
  const published = await readPublished(join(active, 'key.pem'));
  const file = join(keysDir, `${repository}.pem`);
  const pem = await readPrivateKey(file, published, () => generateKeyPairSync('ed25519').privateKey.export(PKCS8));
  const privateKey = parse(pem, file);
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  if (published && published.text.trim() !== publicKey.trim()) refuseOtherKey(file, published.file);
  return { publicKey, sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64') };
}

const PKCS8 = { type: 'pkcs8', format: 'pem' } as const;

function parse(pem: string, file: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    throw new Error(`${file} is not a private key in PEM; restore it from a backup`, { cause });
  }
  throw new Error(`${file} is not an Ed25519 key; restore it from a backup`);
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '@kiln/store/database.ts';
import { findSigningKey, keepSigningKey } from '@kiln/store/signing-keys.ts';
import { readIfThere, replaceFile } from './disk.ts';
import { PublishError } from './errors.ts';

/** The private keys that sign the repositories, by name, such as `main.pem`. */
export interface SigningKeys {
  /** The key, or null when the farm has none of this name. Throws a PublishError when two places have different ones. */
  read(name: string): Promise<string | null>;
  /** Keeps a first key. Returns the one that holds: of two orchestrators that make one at once, the first one's. */
  make(name: string, privateKey: string): Promise<string>;
  /** Where people find the key. */
  describe(name: string): string;
}

/**
 * Keys in the database, where any orchestrator finds them, with a copy in a folder of this machine (mode 0600), so that a
 * lost database takes no key along. A key that is in the folder only, as farms had them before, is taken into the database.
 * Neither place is ever overwritten with another key.
 */
export class StoredSigningKeys implements SigningKeys {
  readonly #db: Database;
  readonly #folder: string;

  constructor(db: Database, folder: string) {
    this.#db = db;
    this.#folder = folder;
  }

  async read(name: string): Promise<string | null> {
    const [stored, file] = await Promise.all([findSigningKey(this.#db, name), readIfThere(this.describe(name))]);
    if (file === null) return stored === null ? null : await this.#copy(name, stored);
    return this.#same(name, stored ?? (await keepSigningKey(this.#db, name, file)), file);
  }

  async make(name: string, privateKey: string): Promise<string> {
    return await this.#copy(name, await keepSigningKey(this.#db, name, privateKey));
  }

  describe(name: string): string {
    return join(this.#folder, name);
  }

  async #copy(name: string, privateKey: string): Promise<string> {
    const file = this.describe(name);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await replaceFile(file, `${file}.new`, privateKey, 0o600);
    return privateKey;
  }

  #same(name: string, stored: string, file: string): string {
    if (stored.trim() === file.trim()) return stored;
    throw new PublishError(
      `the database has another key than ${this.describe(name)}; remove that file to sign with the key in the database, or DELETE FROM signing_keys WHERE name = '${name}' to sign with the one in the file`,
      { final: false },
    );
  }
}

import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this checkout. */
export const CHECKOUT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');

/** The data directory as an absolute path: what was given, else KILN_DATA, else kiln-data in the checkout. */
export function dataDirectory(given?: string, env: NodeJS.ProcessEnv = process.env): string {
  const chosen = given ?? env.KILN_DATA;
  if (!chosen) return resolve(CHECKOUT, 'kiln-data');
  return resolve(chosen.replace(/^~(?=\/|$)/, homedir()));
}

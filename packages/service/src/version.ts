import { readFileSync } from 'node:fs';

const root: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

/** The version of this Kiln, from the package.json at the root. */
export const VERSION: string = isVersioned(root) ? root.version : '0.0.0';

function isVersioned(value: unknown): value is { version: string } {
  return typeof value === 'object' && value !== null && 'version' in value && typeof value.version === 'string';
}

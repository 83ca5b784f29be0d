import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { PublishError } from './errors.ts';
import { MANIFEST } from './select.ts';

/** One file of a published version. `control` holds the control fields of a Debian package, one `Name: value` a line. */
const ArchivedFile = Type.Object({
  name: Type.String({ minLength: 1 }),
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  control: Type.Optional(Type.String()),
});
export type ArchivedFile = Static<typeof ArchivedFile>;

/** `manifest.json` in the archive folder of a version: what it holds, and where it came from. Never changed. */
export const Manifest = Type.Object({
  format: Type.Literal(1),
  repository: Type.String(),
  package: Type.String(),
  version: Type.String(),
  recipe: Type.String(),
  runId: Type.String(),
  requestId: Type.String(),
  publishedAt: Type.String(),
  /** The recipe's `publish.keep` when this version was published. */
  keep: Type.Integer({ minimum: 1 }),
  files: Type.Array(ArchivedFile),
});
export type Manifest = Static<typeof Manifest>;

const manifest = Compile(Manifest);

/** Reads the manifest in the archive folder of a version. Throws a PublishError that names the file when it is damaged. */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, MANIFEST);
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw damaged(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (manifest.Check(parsed)) return parsed;
  const [first] = manifest.Errors(parsed);
  throw damaged(file, `${first?.instancePath || '/'} ${first?.message ?? 'is wrong'}`);
}

function damaged(file: string, why: string, cause?: unknown): PublishError {
  return new PublishError(`${file} can't be used: ${why}; restore it from a backup, or remove its folder`, {
    final: true,
    cause,
  });
}

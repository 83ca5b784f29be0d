import { matchesGlob, posix } from 'node:path';
import type { Artifact } from '@kiln/store/runs/staged-outputs.ts';
import { PublishError } from './errors.ts';
import { unsafePath } from './paths.ts';

/** An artifact with the name under which it is published: the last part of its path. */
export interface ChosenFile {
  name: string;
  artifact: Artifact;
}

/** The name of Kiln's own list in an archive folder, which no published file can have. */
export const MANIFEST = 'manifest.json';

/**
 * The artifacts that a recipe publishes, sorted by name. A pattern is a path, a folder, or has *, ** and {a,b}; no
 * patterns, `**` and `**` + `/*` mean all of them. Throws a PublishError when none fits, or when two have one name.
 */
export function chooseFiles(artifacts: readonly Artifact[], patterns: readonly string[]): ChosenFile[] {
  const wanted = patterns.map((pattern) => pattern.replace(/^\.\//, '').replace(/\/$/, ''));
  const chosen = new Map<string, Artifact>();
  for (const artifact of artifacts.filter(({ path }) => wanted.length === 0 || wanted.some((one) => fits(path, one)))) {
    const reason = unsafePath(artifact.path);
    if (reason)
      throw new PublishError(`the artifact "${artifact.path}" can't be published: ${reason}`, { final: true });
    const name = posix.basename(artifact.path);
    if (name === MANIFEST)
      throw new PublishError(
        `the artifact "${artifact.path}" can't be published: ${MANIFEST} is the name of Kiln's own list; give it another name`,
        { final: true },
      );
    const other = chosen.get(name);
    if (other) throw new PublishError(sameName(name, other, artifact), { final: true });
    chosen.set(name, artifact);
  }
  if (chosen.size === 0) throw new PublishError(nothing(artifacts, patterns), { final: true });
  return [...chosen].map(([name, artifact]) => ({ name, artifact })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Folders mean all that is in them, as in the recipe's `artifacts`. */
function fits(path: string, pattern: string): boolean {
  if (pattern === '**' || pattern === '**/*' || pattern === path) return true;
  return matchesGlob(path, pattern) || matchesGlob(path, `${pattern}/**`);
}

function sameName(name: string, a: Artifact, b: Artifact): string {
  const where = a.path === b.path ? `${a.path} of two jobs` : `${a.path} and ${b.path}`;
  return `two files would be published as ${name}: ${where}; give them different names, or choose one in publish.files`;
}

function nothing(artifacts: readonly Artifact[], patterns: readonly string[]): string {
  if (artifacts.length === 0)
    return 'there is nothing to publish: the run kept no artifacts; name its outputs in `artifacts` of a job';
  const some = artifacts.slice(0, 5).map(({ path }) => path);
  const more = artifacts.length > some.length ? ` and ${artifacts.length - some.length} more` : '';
  return `publish.files matches nothing: ${patterns.join(', ')} against ${some.join(', ')}${more}`;
}

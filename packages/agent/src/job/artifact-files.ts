import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { glob } from 'tinyglobby';
import { linkedFiles } from './linked-files.ts';
import { StepProblem } from './step.ts';

/** How many files are named when a pattern matched none. */
const NEAR = 5;
const MAGIC = /[*?[\]{}()!+@]/;

export interface ArtifactFile {
  /** With slashes, from the checkout. */
  path: string;
  file: string;
  bytes: number;
}

/**
 * The files that the patterns match, each once, in the order of the patterns. `passedOver` are matches that lead out of
 * the workspace. A pattern that begins with `!` takes files away. Throws a StepProblem for a pattern without a file.
 */
export async function findArtifacts(
  work: string,
  patterns: readonly string[],
): Promise<{ files: ArtifactFile[]; passedOver: string[] }> {
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'));
  const ignore = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  const root = await realpath(work);
  const files = new Map<string, ArtifactFile>();
  const passedOver = new Set<string>();
  for (const pattern of wanted) {
    refuseOutside(pattern);
    let found = 0;
    for (const path of (await matches(root, pattern, ignore)).sort()) {
      const file = await insideFile(root, path);
      if (file) {
        files.set(path, file);
        found++;
      } else passedOver.add(path);
    }
    if (found === 0) throw await missing(root, pattern, [...passedOver]);
  }
  return { files: [...files.values()], passedOver: [...passedOver] };
}

async function matches(root: string, pattern: string, ignore: string[]): Promise<string[]> {
  return await glob(pattern, {
    cwd: root,
    ignore,
    dot: false,
    followSymbolicLinks: false,
    onlyFiles: true,
    fs: linkedFiles,
  });
}

/** The regular file behind a match; null when it is none, or a link leads out of the workspace. */
async function insideFile(root: string, path: string): Promise<ArtifactFile | null> {
  const file = await realpath(join(root, path)).catch(() => null);
  if (!file?.startsWith(root + sep)) return null;
  const found = await stat(file);
  return found.isFile() ? { path, file, bytes: found.size } : null;
}

function refuseOutside(pattern: string): void {
  if (pattern.startsWith('/') || pattern.split('/').includes('..')) {
    throw new StepProblem(
      'Artifacts Missing',
      `the pattern "${pattern}" leads out of the checkout; write it from there`,
    );
  }
}

async function missing(root: string, pattern: string, passedOver: string[]): Promise<StepProblem> {
  if (passedOver.length > 0) {
    const words = `"${pattern}" matches only what leads out of the workspace: ${passedOver.slice(0, NEAR).join(', ')}`;
    return new StepProblem('Artifacts Missing', words);
  }
  const near = nearest(pattern, await matches(root, '**/*', ['**/node_modules/**']));
  const there = near.length > 0 ? `; near it: ${near.join(', ')}` : '; the checkout has no files';
  return new StepProblem('Artifacts Missing', `no file matches "${pattern}"${there}`);
}

/** The paths that are most like a pattern: same folder, same ending, same beginning of the name. */
export function nearest(pattern: string, paths: readonly string[]): string[] {
  const folder = pattern.split('/').slice(0, -1).join('/');
  const name = pattern.split('/').at(-1) ?? '';
  const start = name.split(MAGIC)[0] ?? '';
  const end = name.split(MAGIC).at(-1) ?? '';
  const score = (path: string) => {
    const own = path.split('/').at(-1) ?? '';
    return (
      (path.startsWith(`${folder}/`) ? 3 : 0) +
      common(own, start) / Math.max(1, start.length) +
      common(reverse(own), reverse(end)) / Math.max(1, end.length) -
      path.split('/').length / 100
    );
  };
  return paths
    .map((path) => ({ path, score: score(path) }))
    .sort((a, b) => b.score - a.score || a.path.localeCompare(b.path))
    .slice(0, NEAR)
    .map(({ path }) => path);
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function reverse(text: string): string {
  return [...text].reverse().join('');
}

import { type GitLimits, lsRemote } from './git.ts';
import { withoutCredentials } from './git-url.ts';

/** A tag of an upstream with the commit that it names; for an annotated tag the one behind the annotation. */
export interface UpstreamTag {
  tag: string;
  commit: string;
}

/** All tags of the upstream, in git's order. Throws like `lsRemote`. */
export async function listTags(url: string, limits: GitLimits): Promise<UpstreamTag[]> {
  return parseTags(await lsRemote(url, { options: ['--tags'] }, limits));
}

/** The branch that the upstream offers first, and its commit. Throws like `lsRemote`, and when the upstream is empty. */
export async function defaultBranch(url: string, limits: GitLimits): Promise<{ ref: string; commit: string }> {
  const text = await lsRemote(url, { options: ['--symref'], patterns: ['HEAD'] }, limits);
  const head = /^([0-9a-f]{40,64})\tHEAD$/m.exec(text)?.[1];
  const ref = /^ref: (\S+)\tHEAD$/m.exec(text)?.[1];
  if (!head) throw new Error(`${withoutCredentials(url)} has no commit to build yet`);
  return { ref: ref ?? 'HEAD', commit: head };
}

/** Reads the lines of `git ls-remote --tags`. A line that ends in ^{} gives the commit of an annotated tag. */
export function parseTags(text: string): UpstreamTag[] {
  const commits = new Map<string, string>();
  for (const [, commit = '', name = '', peeled] of text.matchAll(/^([0-9a-f]{40,64})\trefs\/tags\/(.+?)(\^\{\})?$/gm)) {
    if (peeled || !commits.has(name)) commits.set(name, commit);
  }
  return [...commits].map(([tag, commit]) => ({ tag, commit }));
}

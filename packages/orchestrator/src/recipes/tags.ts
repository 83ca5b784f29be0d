import { setFlagsFromString } from 'node:v8';

// Tag names come from strangers: with this an expression that would backtrack for ever is run in linear time instead.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
setFlagsFromString('--enable-experimental-regexp-engine');

const VARIABLE = /\$\{([^}]*)\}/g;

/** The expression for a whole tag name. */
export function anchored(tags: string): string {
  return `^(?:${tags})$`;
}

/** What is wrong with a tag expression, or null. It must run in linear time, so it can't look ahead or refer back. */
export function tagsProblem(tags: string): { message: string; fix: string } | null {
  try {
    new RegExp(tags);
    new RegExp(anchored(tags));
  } catch (error) {
    const words = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : String(error);
    return {
      message: `upstream.tags is not a regular expression: ${words}`,
      fix: 'check its brackets and backslashes',
    };
  }
  try {
    new RegExp(anchored(tags), 'l');
    return null;
  } catch {
    return {
      message: 'upstream.tags uses look-ahead, a back-reference or a repetition that is too large',
      fix: 'leave it out: the expression must match the whole tag anyway, so what it does not name is excluded',
    };
  }
}

/** Names of the groups in an expression that compiles. */
export function groupsOf(tags: string): string[] {
  // Beside an empty alternative it matches anything, so the names of all groups are there to be read.
  return Object.keys(new RegExp(`(?:${tags})|`).exec('')?.groups ?? {});
}

/** The variables of a version template such as `${major}.${minor}`. */
export function templateVariables(template: string): string[] {
  return [...template.matchAll(VARIABLE)].map((match) => match[1] ?? '');
}

/**
 * The version that a tag stands for, or null when the expression does not match the whole tag. Groups that took no part
 * are empty; `version` is the group of that name, else the whole tag.
 */
export function versionOfTag(upstream: { tags: string | null; versionTemplate: string }, tag: string): string | null {
  const match = upstream.tags === null ? null : new RegExp(upstream.tags).exec(tag);
  if (!match) return null;
  const groups = match.groups ?? {};
  const version = upstream.versionTemplate.replace(VARIABLE, (_, name: string) => {
    return groups[name] ?? (name === 'version' && !Object.hasOwn(groups, 'version') ? match[0] : '');
  });
  return version === '' ? null : version;
}

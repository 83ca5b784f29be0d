import type { Recipe } from '@kiln/protocol/recipe.ts';
import { isVersion } from '@kiln/protocol/versions.ts';
import { suggestion } from '@kiln/service/problem.ts';
import type { Issue } from '@kiln/service/schema-check.ts';
import { checkLimit } from './check-duration.ts';
import { gitProblem } from './git-address.ts';
import { groupsOf, tagsProblem, templateVariables } from './tags.ts';

/** What a schema can't say about `upstream`: that its address, its expression and its template work. */
export function checkUpstream({ upstream }: Recipe): Issue[] {
  if (!upstream) return [];
  const issues: Issue[] = [];
  const add = (key: string, found: { message: string; fix?: string } | null) => {
    if (found) issues.push({ path: ['upstream', key], onKey: false, ...found });
  };
  add('git', gitProblem(upstream.git));
  const expression = upstream.tags === undefined ? null : tagsProblem(upstream.tags);
  add('tags', expression);
  if (upstream.version !== undefined && !expression) add('version', templateProblem(upstream.version, upstream.tags));
  if (upstream.min_version !== undefined && !(isVersion(upstream.min_version) && /\d/.test(upstream.min_version))) {
    const message = `upstream.min_version "${upstream.min_version}" is not a version`;
    add('min_version', { message, fix: 'write one such as 1.20.0' });
  }
  if (upstream.tags === undefined) {
    for (const key of ['min_version', 'first_sight'] as const) {
      if (upstream[key] !== undefined) add(key, { message: `upstream.${key} needs upstream.tags`, fix: 'add tags' });
    }
  }
  if (upstream.poll !== undefined && upstream.poll !== false) {
    issues.push(...checkLimit(upstream.poll, ['upstream', 'poll'], { least: 1000, zero: 'write false for never' }));
  }
  if (upstream.repository !== undefined && !/^[^/\s]+(\/[^/\s]+)+$/.test(upstream.repository)) {
    add('repository', {
      message: `upstream.repository must be owner/name, not "${upstream.repository}"`,
      fix: 'write it as the forge shows it, without host and .git',
    });
  }
  return issues;
}

function templateProblem(template: string, tags: string | undefined): { message: string; fix?: string } | null {
  if (tags === undefined) return { message: 'upstream.version needs upstream.tags', fix: 'add tags' };
  const known = [...new Set(['version', ...groupsOf(tags)])];
  const used = templateVariables(template);
  const unknown = used.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const fix = suggestion(unknown, known);
    return { message: `upstream.tags has no group "${unknown}"`, ...(fix ? { fix } : {}) };
  }
  if (used.length > 0) return null;
  const example = known.map((name) => `\${${name}}`).join(', ');
  return { message: `upstream.version "${template}" is the same for every tag`, fix: `use ${example}` };
}

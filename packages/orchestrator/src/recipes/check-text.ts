import { formatPath, type Path } from '@kiln/service/problem.ts';
import type { Issue } from '@kiln/service/schema-check.ts';

/** That every text of a recipe, the names of its keys too, can be kept: a NUL or half a character is refused by every database. */
export function checkText(value: unknown, path: Path = []): Issue[] {
  if (typeof value === 'string') {
    const wrong = wrongCharacter(value);
    if (wrong === null) return [];
    return [
      { path, onKey: false, message: `${formatPath(path) || 'the recipe'} has ${wrong} in it`, fix: 'take it out' },
    ];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]): Issue[] => {
    const wrong = Array.isArray(value) ? null : wrongCharacter(key);
    if (wrong !== null) return [{ path, onKey: true, message: `a key has ${wrong} in it`, fix: 'take it out' }];
    return checkText(item, [...path, Array.isArray(value) ? Number(key) : key]);
  });
}

function wrongCharacter(text: string): string | null {
  if (text.includes('\0')) return 'a NUL character';
  return text.isWellFormed() ? null : 'half a character (a lone surrogate)';
}

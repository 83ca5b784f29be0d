import { formatPath, type Path } from '@kiln/service/problem.ts';
import type { Issue } from '@kiln/service/schema-check.ts';
import type { YamlDocument } from '@kiln/service/yaml-document.ts';

/** Keys whose values become text for a command, where `1.10` must not turn into `1.1`. */
const TEXTUAL = new Set(['environment', 'matrix']);

/** Numbers and booleans that would reach the commands otherwise than they were typed. */
export function rewrittenScalars(document: YamlDocument): Issue[] {
  return scalarsBelow(document.value, [], false).flatMap(([path, value]): Issue[] => {
    const typed = document.sourceOf(path);
    if (typed === null || typed === String(value)) return [];
    const message = `${formatPath(path)}: YAML reads ${typed} as ${String(value)}`;
    return [{ path, onKey: false, message, fix: `write "${typed}", or ${String(value)} if that is meant` }];
  });
}

function scalarsBelow(value: unknown, path: Path, textual: boolean): (readonly [Path, number | boolean])[] {
  if (typeof value === 'number' || typeof value === 'boolean') return textual ? [[path, value]] : [];
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) =>
    scalarsBelow(inner, [...path, key], textual || (typeof key === 'string' && TEXTUAL.has(key))),
  );
}

import type { TSchema } from 'typebox';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { asJsonSchema } from './json-schema.ts';
import { formatPath, type Path, type Problem } from './problem.ts';
import { checkSchema, type Issue } from './schema-check.ts';

/** Line and column, from 1. */
export interface Place {
  line: number;
  column: number;
}

/** A YAML file that remembers where everything stands. */
export interface YamlDocument {
  file: string;
  /** The plain value; undefined when the text is not YAML. */
  value: unknown;
  /** Syntax errors, duplicate keys, unknown tags. */
  problems: Problem[];
  /** Where a key (or its value) is written; the nearest parent that is there when it is not. */
  locate(path: Path, what: 'key' | 'value'): Place;
  /** What the writer typed for a scalar, such as `1.10` for the number 1.1; null when it is none. */
  sourceOf(path: Path): string | null;
}

/** Parses YAML 1.2 (with `<<` merges). Never throws: what is wrong is in `problems`. */
export function parseYaml(text: string, file: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = [...document.errors, ...document.warnings].map((error): Problem => {
    const where = { file, ...placeAt(error.pos[0]), path: '' };
    if (error.code === 'DUPLICATE_KEY') {
      const [key] = /^[^\s:]+/.exec(text.slice(error.pos[0])) ?? [''];
      return { ...where, message: `the key "${key}" is written twice`, fix: 'keep one of the two' };
    }
    const message = error.message.replace(/\s+/g, ' ');
    return { ...where, message: message.charAt(0).toLowerCase() + message.slice(1) };
  });
  const read = readValue(document, file, problems);
  return {
    file,
    value: read,
    problems,
    locate(path, what) {
      const found = find(document, path, what);
      return found?.range ? placeAt(found.range[0]) : { line: 1, column: 1 };
    },
    sourceOf(path) {
      const found = find(document, path, 'value');
      return isScalar(found) ? (found.source ?? null) : null;
    },
  };
}

/** Everything that is wrong with a document by its schema, with its places. A document with syntax errors has only those. */
export function validateYaml(document: YamlDocument, schema: TSchema): Problem[] {
  if (document.problems.length > 0) return document.problems;
  return checkSchema(asJsonSchema(schema), document.value).map((issue) => problemOf(document, issue));
}

/** An issue with the place that it has in the document. */
export function problemOf(document: YamlDocument, issue: Issue): Problem {
  const { path, onKey, message } = issue;
  const typed = issue.needsQuotes ? document.sourceOf(path) : null;
  const fix = typed === null ? issue.fix : `put it in quotes: "${typed}"`;
  const place = document.locate(path, onKey ? 'key' : 'value');
  return { file: document.file, ...place, path: formatPath(path), message, ...(fix ? { fix } : {}) };
}

function readValue(document: Document.Parsed, file: string, problems: Problem[]): unknown {
  if (document.errors.length > 0) return undefined;
  try {
    // The limit keeps a file of aliases to aliases from filling the memory.
    return document.toJS({ maxAliasCount: 1000 });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    problems.push({ file, line: 1, column: 1, path: '', message });
    return undefined;
  }
}

function find(document: Document.Parsed, path: Path, what: 'key' | 'value'): Node | null {
  let node: unknown = document.contents;
  let best = document.contents as Node | null;
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node)) node = node.items[Number(part)];
    else if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((item) => isScalar(item.key) && String(item.key.value) === part);
      const last = depth === path.length - 1;
      if (pair && ((last && what === 'key') || !isPlaced(pair.value))) return pair.key as Node;
      node = pair?.value;
    }
    if (!isPlaced(node)) return best;
    best = node;
  }
  return best;
}

/** A value that stands somewhere: an empty one has no width, and its key is the better place to show. */
function isPlaced(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || !('range' in value)) return false;
  return !(isScalar(value) && value.value === null && value.source === '');
}

import { Duration } from '../packages/protocol/src/recipe.ts';
import { alternatives, asJsonSchema, describeSchema, type JsonSchema } from '../packages/service/src/json-schema.ts';

/** One table of a reference page: a mapping and its keys. */
interface Section {
  title: string;
  schema: JsonSchema;
}

/** Notes that stand above a page's tables. */
export interface PageText {
  title: string;
  intro: string;
  /** What the top of the file is called in the page. */
  top: string;
  /** One more column, such as the environment variable of a key. */
  column?: { title: string; of: (path: string) => string };
}

const DURATIONS = `## Durations

A number with a unit: \`500ms\`, \`90s\`, \`15m\`, \`6h\`, \`1d\`; fractions such as \`1.5h\` too. A plain number is seconds. What a
clock has to wait for (polls, time limits) is at most 24 days.
`;

/** A reference page in Markdown: one table for each mapping of the schema, in the order of the schema. */
export function referencePage(schema: JsonSchema, text: PageText): string {
  const sections = sectionsOf({ title: text.top, schema }, new Map());
  const body = sections.map((section, index) => sectionText(section, index === 0, text)).join('\n');
  return `# ${text.title}\n\n${text.intro}\n\n${body}\n${DURATIONS}`;
}

/** The mapping itself and all that are reached from it. One that is met a second time (by its content) is not repeated. */
function sectionsOf(from: Section, seen: Map<string, string>): Section[] {
  const inner = Object.entries(from.schema.properties ?? {}).flatMap(([key, property]) =>
    mappingsIn(property, from.schema.type === 'object' ? join(from.title, key) : key).flatMap((section) => {
      const content = JSON.stringify(section.schema.properties);
      if (seen.has(content)) return [];
      seen.set(content, section.title);
      return sectionsOf(section, seen);
    }),
  );
  return [from, ...inner];
}

function mappingsIn(schema: JsonSchema, path: string): Section[] {
  const choices = alternatives(schema);
  const forms = choices.filter((choice) => choice.properties).length;
  return choices.flatMap((choice): Section[] => {
    if (choice.type === 'array') return mappingsIn(choice.items ?? {}, `${path}[]`);
    // Of several forms, each is told by the key that it can't do without.
    if (choice.properties) return [{ title: forms > 1 ? `${path}: ${choice.required?.[0]}` : path, schema: choice }];
    return Object.values(choice.patternProperties ?? {}).flatMap((value) => mappingsIn(value, `${path}.<name>`));
  });
}

function join(title: string, key: string): string {
  return title.startsWith('The ') ? key : `${title}.${key}`;
}

function sectionText({ title, schema }: Section, isTop: boolean, text: PageText): string {
  const heading = isTop ? `## ${title}` : `## \`${title}\``;
  const about = schema.description ? `${schema.description}.\n\n` : '';
  const extra = text.column;
  const head = ['Key', 'Value', ...(extra ? [extra.title] : []), 'Meaning'];
  const rows = Object.entries(schema.properties ?? {}).map(([key, property]) => {
    const path = isTop ? key : `${title}.${key}`;
    const needed = schema.required?.includes(key) ? ' (required)' : '';
    const cells = [
      `\`${key}\`${needed}`,
      valueText(property),
      ...(extra ? [extra.of(path)] : []),
      meaning(key, property),
    ];
    return `| ${cells.map(escapeCell).join(' | ')} |`;
  });
  return `${heading}\n\n${about}| ${head.join(' | ')} |\n|${head.map(() => ' --- ').join('|')}|\n${rows.join('\n')}\n`;
}

const DURATION = alternatives(asJsonSchema(Duration)).map(oneValue).join(', or ');

/** Scalars in full; mappings and lists of them by their kind, since they have tables of their own. */
function valueText(schema: JsonSchema): string {
  const choices = [...new Set(alternatives(schema).map(oneValue))];
  return choices.join(', or ').replace(DURATION, '[duration](#durations)');
}

function oneValue(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.patternProperties) return 'mapping by name';
  if (schema.properties) return 'mapping';
  if (schema.type !== 'array') return describeSchema(schema);
  const items = valueText(schema.items ?? {});
  return `list of ${items.includes(', or ') ? `(${items})` : items}`;
}

function meaning(key: string, schema: JsonSchema): string {
  if (key === '$schema') return 'Address of the JSON Schema, for editors. Kiln ignores it.';
  const choices = alternatives(schema).flatMap((choice) =>
    choice.type === 'array' ? alternatives(choice.items ?? {}) : [choice],
  );
  const constants = choices.filter((choice) => choice.const !== undefined && choice.description);
  const parts = [
    schema.description ?? (schema.properties ? 'See below' : ''),
    ...constants.map((choice) => `\`${String(choice.const)}\`: ${choice.description}`),
    schema.default === undefined || schema.properties ? '' : `Default \`${JSON.stringify(schema.default)}\``,
    ...(schema.examples ?? []).slice(0, 1).map((example) => `Example \`${String(example)}\``),
  ];
  return parts
    .filter((part) => part !== '')
    .map((part) => (part.endsWith('.') ? part : `${part}.`))
    .join(' ');
}

/** A < is only an entity outside of code. */
function escapeCell(text: string): string {
  const parts = text.replace(/\|/g, '\\|').split('`');
  return parts.map((part, index) => (index % 2 === 0 ? part.replace(/</g, '&lt;') : part)).join('`');
}

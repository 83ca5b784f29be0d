import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Config } from '../packages/protocol/src/config.ts';
import { Recipe } from '../packages/protocol/src/recipe.ts';
import { CONFIG_KEYS } from '../packages/service/src/config-keys.ts';
import { asJsonSchema, type JsonSchema } from '../packages/service/src/json-schema.ts';
import { errorsPage } from './errors-page.ts';
import { referencePage } from './reference-pages.ts';
import { routesPage } from './routes-page.ts';

/**
 * Writes docs/reference/ from the schemas and tables in use: `node scripts/generate-reference.ts`. A test fails while the files differ
 * from what this makes.
 */

const FOLDER = new URL('../docs/reference/', import.meta.url);
const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const GENERATED = '<!-- Made by scripts/generate-reference.ts from the schema in packages/protocol; edit that. -->';
const FROM_TABLE = '<!-- Made by scripts/generate-reference.ts from the tables in packages/protocol; edit those. -->';

/** Every file of docs/reference by its name. */
export function referenceFiles(): Map<string, string> {
  return new Map([
    ['recipe.schema.json', schemaFile(asJsonSchema(Recipe))],
    ['config.schema.json', schemaFile(asJsonSchema(Config))],
    [
      'recipe.md',
      referencePage(asJsonSchema(Recipe), {
        title: 'Recipe reference',
        top: 'The recipe',
        intro: `${GENERATED}\n\nEvery key of a recipe. [The guide](../recipes.md) shows how they play together; [recipe.schema.json](recipe.schema.json) is the same for editors.`,
      }),
    ],
    [
      'config.md',
      referencePage(asJsonSchema(Config), {
        title: 'Configuration reference',
        top: 'The configuration',
        intro: `${GENERATED}\n\nEvery key of \`kiln.yaml\`, which lies in the data directory unless \`--config\` names another file. The environment goes over the file, the command line over both. In a variable, the entries of a list are separated by commas. Relative paths are taken from the folder of the file (without a file: from the data directory). \`kiln config show\` prints what is in use and where it comes from, \`kiln config check\` lists every mistake; [config.schema.json](config.schema.json) is for editors.`,
        column: { title: 'Variable', of: variableOf },
      }),
    ],
    [
      'errors.md',
      errorsPage(
        `${FROM_TABLE}\n\nAn error is \`{"error": {"code", "message", …}}\`. The code is for programs and keeps its meaning; the message is for people and may change.`,
      ),
    ],
    [
      'routes.md',
      routesPage(
        `${FROM_TABLE}\n\nEvery address that a farm answers at. [The guide](../api.md) shows how they play together, \`GET /api/openapi.json\` has the schemas for programs.`,
      ),
    ],
  ]);
}

function schemaFile(schema: JsonSchema): string {
  return `${JSON.stringify({ $schema: DRAFT, ...schema }, null, 2)}\n`;
}

function variableOf(key: string): string {
  const found = CONFIG_KEYS.find((known) => known.key === key);
  return found ? `\`${found.variable}\`` : '';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await mkdir(FOLDER, { recursive: true });
  for (const [name, text] of referenceFiles()) await writeFile(new URL(name, FOLDER), text);
}

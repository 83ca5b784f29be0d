import type { RecipeDetail, RecipeSummary } from '@kiln/protocol/api.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { table } from './table.ts';
import { count, elapsed, oneLine, paint, relativeTime, shortId, statusWord } from './words.ts';

/** Versions and runs that one recipe is shown with. */
const SHOWN = 10;

/** The recipes as a table, in the order of their folder. */
export function describeRecipes(recipes: readonly RecipeSummary[]): string {
  const rows = recipes.map((recipe) => [
    recipe.name,
    recipe.newestVersion ?? '',
    recipe.publishedVersion ?? '',
    recipe.lastRun ? `${statusWord(recipe.lastRun.status)} ${recipe.lastRun.version}` : '',
    pollText(recipe),
    recipe.triggers.join(', '),
  ]);
  const header = ['RECIPE', 'NEWEST', 'PUBLISHED', 'LAST RUN', 'UPSTREAM', 'TRIGGERS'];
  return table(header, rows, 'There are no recipes. Put one into recipes_dir; docs/recipes.md shows how.');
}

/** Everything about one recipe, as text that ends with a newline. */
export function describeRecipe(recipe: RecipeDetail): string {
  const facts = [
    ['Upstream', recipe.upstream ?? 'none'],
    // As the recipe has it, without the anchors around it.
    ...(recipe.tags ? [['Tags', recipe.tags.replace(/^\^\(\?:(.*)\)\$$/s, '$1')]] : []),
    ['Looked at', pollText(recipe) || 'never'],
    ['Triggers', recipe.triggers.join(', ') || 'none'],
    ['Newest', recipe.newestVersion ?? 'none seen'],
    ['Published', recipe.publishedVersion ?? 'nothing yet'],
    ...recipe.backoff.map(({ version, failures, nextRetry }) => [
      'Failing',
      `${version}: ${count(failures, 'failure')}${nextRetry ? `, next try ${relativeTime(nextRetry)}` : ''}`,
    ]),
  ];
  return [
    `${paint('bold', recipe.name)}${recipe.description ? `  ${oneLine(recipe.description)}` : ''}\n`,
    facts.map(([name = '', value]) => `${name.padEnd(10)} ${value}\n`).join(''),
    describeJobs(recipe.compiled as CompiledRecipe),
    section('Versions', tagRows(recipe), recipe.tagList.length),
    section('Runs', runRows(recipe), recipe.runs.length),
  ]
    .filter((text) => text !== '')
    .join('\n');
}

function describeJobs({ jobs }: CompiledRecipe): string {
  const lines = jobs.flatMap((job) => [
    `  ${paint('cyan', job.name)}  limit ${formatDuration(job.timeoutMs)}${listed('needs', job.needs)}${listed('on', job.labels)}`,
    ...job.phases.map((phase) => `    ${phase.name}: ${phase.steps.map((step) => oneLine(step.name)).join(' · ')}`),
    ...(job.artifacts.length > 0 ? [`    keeps ${job.artifacts.join(', ')}`] : []),
  ]);
  return `${paint('bold', 'Jobs')}\n${lines.map((line) => `${line}\n`).join('')}`;
}

function tagRows({ tagList }: RecipeDetail): string[][] {
  return tagList
    .slice(0, SHOWN)
    .map(({ version, tag, commit, state, movedTo }) => [
      version,
      tag,
      commit.slice(0, 12),
      movedTo ? `${state}, moved to ${movedTo.slice(0, 12)}` : state,
    ]);
}

function runRows({ runs }: RecipeDetail): string[][] {
  return runs
    .slice(0, SHOWN)
    .map((run) => [
      shortId(run.runId),
      run.version,
      statusWord(run.status),
      relativeTime(run.createdAt),
      elapsed(run.startedAt, run.finishedAt),
      oneLine(run.text).slice(0, 60),
    ]);
}

function section(title: string, rows: string[][], total: number): string {
  const [first] = rows;
  if (!first) return '';
  const more = total > rows.length ? paint('gray', `  … ${total - rows.length} more; --json has all\n`) : '';
  const lines = table(first, rows.slice(1), '').trimEnd() || first.join('  ');
  return `${paint('bold', title)}\n${lines.replace(/^/gm, '  ')}\n${more}`;
}

function pollText({ lastPollAt, lastPoll, nextPollAt }: RecipeSummary): string {
  if (!lastPollAt) return nextPollAt ? `first look ${relativeTime(nextPollAt)}` : '';
  const found = lastPoll?.error
    ? `failed: ${oneLine(lastPoll.error).slice(0, 60)}`
    : `${count(lastPoll?.tagsSeen ?? 0, 'tag')}`;
  return `${found}, ${relativeTime(lastPollAt)}`;
}

function listed(word: string, values: readonly string[]): string {
  return values.length > 0 ? `, ${word} ${values.join(', ')}` : '';
}

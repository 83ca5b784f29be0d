import type { RecipeDetail, RecipeSummary, RecipeTag } from '@kiln/protocol/api.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Trigger } from '@kiln/protocol/recipe.ts';
import { compareVersions } from '@kiln/protocol/versions.ts';
import type { Queryable } from '../database.ts';
import { type Fragment, readRuns } from './runs.ts';
import { readTags } from './tags.ts';
import { iso } from './time.ts';

interface RecipeRow {
  name: string;
  position: number;
  compiled: CompiledRecipe;
  lastPollAt: Date | null;
  nextPollAt: Date | null;
  lastPoll: Partial<NonNullable<RecipeSummary['lastPoll']>> | null;
  backoff: { version: string; failures: number; nextRetry: string | null }[];
}

/** The recipes of the roster in the order of their folder. */
export async function readRecipes(sql: Queryable): Promise<RecipeSummary[]> {
  return (await readRows(sql, sql`SELECT * FROM recipes`)).map(({ summary }) => summary);
}

/** One recipe with its tags (highest version first) and its latest runs, or null when the roster has none of this name. */
export async function readRecipe(sql: Queryable, name: string): Promise<RecipeDetail | null> {
  const [[found], runs] = await Promise.all([
    readRows(sql, sql`SELECT * FROM recipes WHERE name = ${name}`),
    readRuns(sql, sql`SELECT * FROM runs WHERE recipe = ${name} ORDER BY created_at DESC, run_id LIMIT 50`),
  ]);
  if (!found) return null;
  const tagList: RecipeTag[] = await readTags(sql, found.compiled);
  return { ...found.summary, compiled: found.compiled, tagList, runs };
}

/** Name of every recipe, for suggesting the nearest. */
export async function readRecipeNames(sql: Queryable): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`SELECT name FROM recipes ORDER BY position`;
  return rows.map((row) => row.name);
}

async function readRows(
  sql: Queryable,
  wanted: Fragment,
): Promise<{ summary: RecipeSummary; compiled: CompiledRecipe }[]> {
  const names: Fragment = sql`(SELECT name FROM (${wanted}) AS w)`;
  const [rows, runs, newest, published] = await Promise.all([
    sql<RecipeRow[]>`
      SELECT c.name, c.position, c.compiled, w.last_poll_at, w.next_poll_at, w.last_poll,
        coalesce((SELECT jsonb_agg(jsonb_build_object('version', b.version, 'failures', b.failures, 'nextRetry', b.next_retry) ORDER BY b.failed_at DESC)
                  FROM backoff b WHERE b.recipe = c.name), '[]') AS backoff
      FROM (${wanted}) AS c LEFT JOIN watches w ON w.recipe = c.name ORDER BY c.position, c.name`,
    readRuns(
      sql,
      sql`SELECT l.* FROM recipes c, LATERAL (SELECT * FROM runs WHERE recipe = c.name ORDER BY created_at DESC LIMIT 1) AS l
          WHERE c.name IN ${names}`,
    ),
    sql<{ recipe: string; versions: string[] }[]>`
      SELECT recipe, array_agg(version) AS versions FROM tags WHERE recipe IN ${names} AND gone_at IS NULL GROUP BY recipe`,
    sql<{ recipe: string; versions: string[] }[]>`
      SELECT recipe, array_agg(version) AS versions FROM packages WHERE recipe IN ${names} AND active GROUP BY recipe`,
  ]);
  return rows.map((row) => ({
    compiled: row.compiled,
    summary: {
      name: row.name,
      description: row.compiled.description,
      position: row.position,
      upstream: row.compiled.upstream?.git ?? null,
      tags: row.compiled.upstream?.tags ?? null,
      triggers: row.compiled.triggers.map(triggerText),
      lastPollAt: iso(row.lastPollAt),
      nextPollAt: iso(row.nextPollAt),
      lastPoll: row.lastPoll ? wholePoll(row.lastPoll) : null,
      newestVersion: highest(newest, row.name),
      publishedVersion: highest(published, row.name),
      lastRun: runs.find((run) => run.recipe === row.name) ?? null,
      backoff: row.backoff.map((entry) => ({
        ...entry,
        nextRetry: entry.nextRetry === null ? null : new Date(entry.nextRetry).toISOString(),
      })),
    },
  }));
}

function wholePoll(poll: Partial<NonNullable<RecipeSummary['lastPoll']>>): NonNullable<RecipeSummary['lastPoll']> {
  return {
    tagsSeen: poll.tagsSeen ?? 0,
    matches: poll.matches ?? 0,
    emitted: poll.emitted ?? 0,
    passedOver: poll.passedOver ?? 0,
    error: poll.error ?? null,
    durationMs: poll.durationMs ?? 0,
  };
}

function highest(rows: readonly { recipe: string; versions: string[] }[], recipe: string): string | null {
  const versions = rows.find((row) => row.recipe === recipe)?.versions ?? [];
  return versions.reduce<string | null>((best, v) => (best === null || compareVersions(v, best) > 0 ? v : best), null);
}

/** A trigger as people read it. */
function triggerText(trigger: Trigger): string {
  if (typeof trigger === 'string') return trigger;
  if ('push' in trigger) return `push to ${trigger.push}`;
  if ('schedule' in trigger) return `schedule ${trigger.schedule}${trigger.timezone ? ` ${trigger.timezone}` : ''}`;
  return `after ${trigger.after}`;
}

import type { RecipeTag } from '@kiln/protocol/api.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { compareVersions } from '@kiln/protocol/versions.ts';
import type { Queryable } from '../database.ts';
import { iso } from './time.ts';

interface TagRow {
  tag: string;
  version: string;
  commitHash: string;
  firstSeenAt: Date;
  passedOver: boolean;
  movedTo: string | null;
  gone: boolean;
  published: boolean;
  runStatus: string | null;
}

/** A page shows no more than this many of a recipe's tags. */
const LIMIT = 500;

/** The tags of a recipe's upstream that its pattern matches, highest version first. */
export async function readTags(sql: Queryable, recipe: CompiledRecipe): Promise<RecipeTag[]> {
  const rows = await sql<TagRow[]>`
    SELECT t.tag, t.version, t.commit_hash, t.first_seen_at, t.passed_over, t.moved_to, t.gone_at IS NOT NULL AS gone,
      EXISTS (SELECT 1 FROM packages p WHERE p.recipe = t.recipe AND p.version = t.version) AS published,
      l.status AS run_status
    FROM tags t LEFT JOIN (
      SELECT DISTINCT ON (version) version, status FROM runs WHERE recipe = ${recipe.name} ORDER BY version, created_at DESC
    ) AS l ON l.version = t.version
    WHERE t.recipe = ${recipe.name} AND t.upstream = ${recipe.upstream?.git ?? ''}`;
  return rows
    .sort((a, b) => compareVersions(b.version, a.version) || b.firstSeenAt.getTime() - a.firstSeenAt.getTime())
    .slice(0, LIMIT)
    .map((row) => ({
      tag: row.tag,
      version: row.version,
      commit: row.commitHash,
      firstSeenAt: iso(row.firstSeenAt),
      state: stateOf(row, recipe.upstream?.minVersion ?? null),
      movedTo: row.movedTo,
    }));
}

function stateOf(row: TagRow, minVersion: string | null): string {
  if (row.gone) return 'gone';
  if (row.published) return 'published';
  if (row.runStatus) return row.runStatus;
  if (minVersion !== null && compareVersions(row.version, minVersion) < 0) return `below min_version ${minVersion}`;
  return row.passedOver ? 'passed over' : 'waiting';
}

import type { Queryable } from './database.ts';

/** Every tag of an upstream that ever matched, with what it pointed to when it was first seen. */
export interface KnownTag {
  tag: string;
  version: string;
  commit: string;
  /** It was there before the farm, so nobody asked for its build. */
  passedOver: boolean;
  /** Where it points now, when that is elsewhere. */
  movedTo: string | null;
  /** It vanished from the upstream. */
  gone: boolean;
}

/** The tags known of one upstream of a recipe; `upstream` is its address as in the recipe. */
export async function readTags(sql: Queryable, recipe: string, upstream: string): Promise<KnownTag[]> {
  return await sql<KnownTag[]>`
    SELECT tag, version, commit_hash AS commit, passed_over, moved_to, gone_at IS NOT NULL AS gone
    FROM tags WHERE recipe = ${recipe} AND upstream = ${upstream}`;
}

/** The commits and versions for which a build was asked while the recipe had another upstream. */
export async function readEarlierTags(
  sql: Queryable,
  recipe: string,
  upstream: string,
): Promise<{ version: string; commit: string }[]> {
  return await sql<{ version: string; commit: string }[]>`
    SELECT DISTINCT version, commit_hash AS commit FROM tags
    WHERE recipe = ${recipe} AND upstream <> ${upstream} AND NOT passed_over`;
}

/** The known tags of a version that are still there: usually one. */
export async function findTags(
  sql: Queryable,
  recipe: string,
  upstream: string,
  version: string,
): Promise<{ tag: string; version: string; commit: string }[]> {
  return await sql<{ tag: string; version: string; commit: string }[]>`
    SELECT tag, version, coalesce(moved_to, commit_hash) AS commit FROM tags
    WHERE recipe = ${recipe} AND upstream = ${upstream} AND version = ${version} AND gone_at IS NULL ORDER BY tag`;
}

/** What a look at an upstream changes in what is known of its tags. */
export interface TagChanges {
  added: readonly { tag: string; version: string; commit: string; passedOver: boolean }[];
  /** `to` null: it points to where it was first seen again. */
  moved: readonly { tag: string; to: string | null }[];
  gone: readonly string[];
  back: readonly string[];
}

/** Writes the changes down. A tag that is known with the same version keeps its first commit. */
export async function changeTags(sql: Queryable, recipe: string, upstream: string, changes: TagChanges): Promise<void> {
  if (changes.added.length > 0) {
    const rows = changes.added.map((t) => ({ tag: t.tag, version: t.version, commit: t.commit, passed: t.passedOver }));
    await sql`
      INSERT INTO tags (recipe, upstream, tag, version, commit_hash, passed_over)
      SELECT ${recipe}, ${upstream}, tag, version, commit, passed
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS t(tag text, version text, commit text, passed boolean)
      ON CONFLICT (recipe, upstream, tag) DO UPDATE SET version = excluded.version, commit_hash = excluded.commit_hash,
        passed_over = excluded.passed_over, moved_to = NULL, moved_at = NULL, gone_at = NULL
      WHERE tags.version <> excluded.version`;
  }
  if (changes.moved.length > 0) {
    await sql`
      UPDATE tags t SET moved_to = m."to", moved_at = now()
      FROM jsonb_to_recordset(${JSON.stringify(changes.moved)}::text::jsonb) AS m(tag text, "to" text)
      WHERE t.recipe = ${recipe} AND t.upstream = ${upstream} AND t.tag = m.tag`;
  }
  if (changes.gone.length > 0) {
    await sql`
      UPDATE tags SET gone_at = now() WHERE recipe = ${recipe} AND upstream = ${upstream} AND tag = ANY(${[...changes.gone]})`;
  }
  if (changes.back.length > 0) {
    await sql`
      UPDATE tags SET gone_at = NULL WHERE recipe = ${recipe} AND upstream = ${upstream} AND tag = ANY(${[...changes.back]})`;
  }
}

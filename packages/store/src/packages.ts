import type { PackageSummary, PublishedFile } from '@kiln/protocol/api.ts';
import { compareVersions } from '@kiln/protocol/versions.ts';
import type { Queryable, Transaction } from './database.ts';
import { lockInTransaction } from './locks.ts';

/** One version of a package as it was put into a repository, with what is needed to keep the active flags right. */
export interface PublishedVersion {
  repository: string;
  package: string;
  version: string;
  recipe: string;
  runId: string;
  /** RFC 3339 in UTC, to the millisecond. Default: now. */
  publishedAt?: string;
  files: PublishedFile[];
  /** How many of the highest versions the active view shows. */
  keep: number;
  /**
   * The versions of the package that the active view showed right after this one was published. It matters where the
   * repository holds versions that this database does not know.
   */
  activeVersions?: string[];
}

/**
 * Records a published version and sets which versions of the package are active, in the transaction that completes the
 * run. Whatever the order in which two publishes of one package are recorded, the flags end up the same.
 */
export async function recordPackages(sql: Transaction, published: PublishedVersion): Promise<void> {
  const { repository, package: name, keep, activeVersions = [] } = published;
  const publishedAt = published.publishedAt ?? new Date().toISOString();
  await lockInTransaction(sql, 'activeVersions', [`${repository}/${name}`]);
  await sql`
    INSERT INTO packages (repository, package, version, recipe, run_id, published_at, files)
    VALUES (${repository}, ${name}, ${published.version}, ${published.recipe}, ${published.runId},
      ${publishedAt}, ${JSON.stringify(published.files)}::text::jsonb)
    ON CONFLICT DO NOTHING`;
  const known = await publishedVersions(sql, repository, name);
  const active = highestVersions([...known, ...activeVersions], keep);
  await sql`
    UPDATE packages SET active = NOT active
    WHERE repository = ${repository} AND package = ${name} AND active <> (version = ANY(${active}))`;
}

/** The `keep` highest of some versions, highest first, each once. */
export function highestVersions(versions: readonly string[], keep: number): string[] {
  return [...new Set(versions)].sort((a, b) => compareVersions(b, a) || (a < b ? 1 : -1)).slice(0, keep);
}

/** Every version of a package that was ever published, by any node. */
export async function publishedVersions(sql: Queryable, repository: string, name: string): Promise<string[]> {
  const rows = await sql<{ version: string }[]>`
    SELECT version FROM packages WHERE repository = ${repository} AND package = ${name}`;
  return rows.map(({ version }) => version);
}

export interface PackageQuery {
  repository?: string | undefined;
  recipe?: string | undefined;
  limit: number;
  /** From `packageCursor` of the last one of the page before. */
  cursor?: string | undefined;
}

/** Published versions, newest first. Throws a TypeError when the cursor is not one of ours. */
export async function listPackages(sql: Queryable, query: PackageQuery): Promise<PackageSummary[]> {
  const { repository = null, recipe = null, limit } = query;
  const after = query.cursor === undefined ? null : readCursor(query.cursor);
  const rows = await sql<PackageRow[]>`
    SELECT ${columns(sql)} FROM packages
    WHERE (${repository}::text IS NULL OR repository = ${repository})
      AND (${recipe}::text IS NULL OR recipe = ${recipe})
      ${after ? sql`AND (published_at, repository, package, version) < (${after[0]}::timestamptz, ${after[1]}, ${after[2]}, ${after[3]})` : sql``}
    ORDER BY published_at DESC, repository DESC, package DESC, version DESC LIMIT ${limit}`;
  return rows.map(summary);
}

/** What a run published. */
export async function packagesOfRun(sql: Queryable, runId: string): Promise<PackageSummary[]> {
  const rows = await sql<PackageRow[]>`
    SELECT ${columns(sql)} FROM packages WHERE run_id = ${runId} ORDER BY repository, package, version`;
  return rows.map(summary);
}

/** Where the page after this package begins. */
export function packageCursor(last: PackageSummary): string {
  const key: Cursor = [last.publishedAt, last.repository, last.package, last.version];
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

type Cursor = [publishedAt: string, repository: string, name: string, version: string];

function readCursor(text: string): Cursor {
  try {
    const [publishedAt, repository, name, version]: unknown[] = JSON.parse(Buffer.from(text, 'base64url').toString());
    const cursor: Cursor = [
      new Date(String(publishedAt)).toISOString(),
      String(repository),
      String(name),
      String(version),
    ];
    if (cursor.some((part) => part.includes('\0'))) throw new TypeError('a text of PostgreSQL has no NUL');
    return cursor;
  } catch {
    throw new TypeError(`"${text}" is not a cursor; take it from the page before, or leave it out to begin anew`);
  }
}

type PackageRow = Omit<PackageSummary, 'publishedAt'> & { publishedAt: Date };

const columns = (sql: Queryable) => sql`repository, package, version, recipe, run_id, published_at, active, files`;

function summary(row: PackageRow): PackageSummary {
  return { ...row, publishedAt: row.publishedAt.toISOString() };
}

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface IndexPage {
  html: string;
  etag: string;
}

/** The dashboard's page as Kiln serves it, read again when the file changed. */
export class IndexFile {
  readonly #file: string;
  readonly #basePath: string;
  #known: { modified: number; page: IndexPage } | null = null;

  constructor(webRoot: string, basePath: string) {
    this.#file = join(webRoot, 'index.html');
    this.#basePath = basePath;
  }

  /** Null when the dashboard is not built. */
  async page(): Promise<IndexPage | null> {
    let modified: number;
    try {
      modified = (await stat(this.#file)).mtimeMs;
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
        return null;
      throw error;
    }
    if (this.#known?.modified === modified) return this.#known.page;
    const html = withBase(await readFile(this.#file, 'utf8'), this.#basePath);
    const page = { html, etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"` };
    this.#known = { modified, page };
    return page;
  }
}

/** Writes where the dashboard is served into its page: all of its addresses are relative to that. */
export function withBase(html: string, basePath: string): string {
  return html.replace(/<head[^>]*>/i, (head) => `${head}\n    <base href="${basePath}/" />`);
}

/** The page in place of a dashboard that is not built. */
export const NOT_BUILT = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><meta name="color-scheme" content="light dark" /><title>Kiln</title></head>
  <body>
    <h1>The dashboard is not built</h1>
    <p>Everything else runs. Build it with <code>npm run build --workspace packages/web</code> in the checkout, then load this page again.</p>
    <p>Until then <code>kiln status</code>, <code>kiln runs</code> and the API at /api tell the same.</p>
  </body>
</html>
`;

/** One file or folder of a listing. */
export interface Entry {
  name: string;
  directory: boolean;
  bytes: number;
  modified: Date;
}

/** A folder of a repository as a page: plain links, so that programs can follow them too. */
export function listingPage(title: string, isTop: boolean, entries: readonly Entry[]): string {
  const rows = entries.map(({ name, directory, bytes, modified }) => {
    const shown = directory ? `${name}/` : name;
    const href = `./${encodeURIComponent(name)}${directory ? '/' : ''}`;
    return `<tr><td><a href="${href}">${escapeHtml(shown)}</a></td><td>${directory ? '' : bytes}</td><td>${modified.toISOString().slice(0, 16).replace('T', ' ')}</td></tr>`;
  });
  const up = isTop ? '' : '<tr><td><a href="../">../</a></td><td></td><td></td></tr>';
  const empty = entries.length === 0 ? '<p>Nothing is published here yet.</p>' : '';
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="color-scheme" content="light dark" />
    <title>${escapeHtml(title)}</title>
    <style>
      body { font: 14px/1.6 ui-monospace, monospace; margin: 2rem; }
      td { padding-right: 2rem; font-variant-numeric: tabular-nums; }
    </style>
  </head>
  <body>
    <h1>${escapeHtml(title)}</h1>
    <table>${up}${rows.join('\n')}</table>
    ${empty}
  </body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

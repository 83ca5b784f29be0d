import { stripVTControlCharacters } from 'node:util';

/** Columns of the terminal that a text takes: colours take none. Wide characters are rare here and count as one. */
function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/**
 * A table for the terminal: the header, then one line a row, columns aligned on the left and two blanks apart. Cells are
 * one line each. Ends with a newline; a table without rows is `empty` alone.
 */
export function table(header: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  return rows.length === 0 ? `${empty}\n` : `${align([header, ...rows]).join('\n')}\n`;
}

/** Rows as lines with aligned columns. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const all = rows.map((row) => row.map((cell) => cell.replace(/\s*\n\s*/g, ' ')));
  const columns = Math.max(0, ...all.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...all.map((row) => width(row[column] ?? ''))),
  );
  return all.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd(),
  );
}

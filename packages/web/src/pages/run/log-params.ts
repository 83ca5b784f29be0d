/** How the address says what of a log is shown. */
export interface LogParams {
  /** What is searched. */
  q?: string;
  mode?: 'regex';
  case?: 'match';
  /** Only lines that match are shown, with so many lines around each. */
  only?: string;
  /** At least this level. */
  level?: 'warn' | 'error';
  component?: string;
  /** Index of a phase. */
  phase?: string;
  /** Which groups are folded, as folds.ts writes it. */
  fold?: string;
}

/** Reads the log's part of an address; what it does not know is left out. */
export function parseLogParams(search: Record<string, unknown>): LogParams {
  const found: LogParams = {};
  const text = (key: string, pattern: RegExp): string | undefined => {
    const value = search[key];
    return typeof value === 'string' && pattern.test(value) ? value : undefined;
  };
  const q = text('q', /^.{1,1000}$/s);
  const only = text('only', /^\d{1,2}$/);
  const component = text('component', /^.{1,64}$/);
  const phase = text('phase', /^\d{1,5}$/);
  const fold = text('fold', /^[\w.,-]{1,2000}$/);
  if (q !== undefined) found.q = q;
  if (search.mode === 'regex') found.mode = 'regex';
  if (search.case === 'match') found.case = 'match';
  if (only !== undefined) found.only = only;
  if (search.level === 'warn' || search.level === 'error') found.level = search.level;
  if (component !== undefined) found.component = component;
  if (phase !== undefined) found.phase = phase;
  if (fold !== undefined) found.fold = fold;
  return found;
}

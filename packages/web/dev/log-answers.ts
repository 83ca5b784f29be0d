import type { LogLine } from '@kiln/protocol/api.ts';
import type { LogHit, LogOutlineAnswer, LogSearchMessage } from '@kiln/protocol/log-api.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { plainText } from '../src/log/ansi.ts';
import type { FixtureLog } from './log.ts';

const STRETCHES = 400;
const MOST_MARKS = 2000;
const levelOf = (level: string) => LOG_LEVELS.indexOf(level.toUpperCase() as (typeof LOG_LEVELS)[number]);

/** Whether a line meets the conditions of a query. */
function meets(line: LogLine, query: URLSearchParams): boolean {
  const since = query.get('since');
  return (
    levelOf(line.level) >= levelOf(query.get('level') ?? 'DEBUG') &&
    (!query.has('component') || line.component === query.get('component')) &&
    (!query.has('phase') || String(line.phase) === query.get('phase')) &&
    (since === null || Date.parse(line.time) >= Number(since))
  );
}

/** `GET /api/jobs/{id}/log` */
export function pageOf(log: FixtureLog, query: URLSearchParams): { lines: LogLine[] } {
  const from = Number(query.get('from') ?? 1);
  const limit = Number(query.get('limit') ?? 500);
  if (!['level', 'component', 'phase', 'since'].some((name) => query.has(name)))
    return { lines: log.lines(from, limit) };
  const lines: LogLine[] = [];
  for (let line = Math.max(1, from); line <= log.total && lines.length < limit; line += 1) {
    const found = log.line(line);
    if (meets(found, query)) lines.push(found);
  }
  return { lines };
}

const outlines = new WeakMap<FixtureLog, LogOutlineAnswer>();

/** `GET /api/jobs/{id}/log/outline` */
export function outlineOf(log: FixtureLog): LogOutlineAnswer {
  const known = outlines.get(log);
  if (known && known.lines === log.total && known.complete === log.ended) return known;
  const outline: LogOutlineAnswer = {
    jobId: log.jobId,
    attempt: log.attempt,
    complete: log.ended,
    lines: log.total,
    levels: { DEBUG: 0, INFO: 0, WARN: 0, ERROR: 0, FATAL: 0 },
    components: [],
    sections: [],
    marks: [],
    density: [],
  };
  const components = new Map<string, number>();
  const size = Math.max(1, Math.ceil(log.total / STRETCHES));
  for (let n = 1; n <= log.total; n += 1) {
    const { time: at, level = 'INFO', component = 'output', phase = -1, step = -1 } = log.said(n);
    const line = n;
    const isError = levelOf(level) >= levelOf('ERROR');
    const isWarning = level === 'WARN';
    outline.levels[level as keyof typeof outline.levels] += 1;
    components.set(component, (components.get(component) ?? 0) + 1);
    let section = outline.sections.at(-1);
    if (!section || section.phase !== phase || section.step !== step) {
      section = { phase, step, firstLine: line, lines: 0, firstTime: at, lastTime: at, warnings: 0, errors: 0 };
      outline.sections.push(section);
    }
    let stretch = outline.density.at(-1);
    if (!stretch || stretch.lines === size) {
      stretch = { firstLine: line, lines: 0, warnings: 0, errors: 0 };
      outline.density.push(stretch);
    }
    section.lastTime = at;
    for (const each of [section, stretch]) {
      each.lines += 1;
      if (isError) each.errors += 1;
      else if (isWarning) each.warnings += 1;
    }
    if ((isError || isWarning) && outline.marks.length < MOST_MARKS) outline.marks.push({ line, level });
  }
  outline.components = [...components].map(([name, lines]) => ({ name, lines }));
  outlines.set(log, outline);
  return outline;
}

/** `GET /api/jobs/{id}/log/search`. Throws a SyntaxError on an expression that is none. */
export function searchIn(log: FixtureLog, query: URLSearchParams): LogSearchMessage[] {
  const q = query.get('q') ?? '';
  const source = query.get('mode') === 'regex' ? q : q.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const expression = new RegExp(source, query.get('case') === 'match' ? 'gu' : 'giu');
  const limit = Number(query.get('limit') ?? 1000);
  const hits: LogHit[] = [];
  let count = 0;
  for (let n = Number(query.get('from') ?? 1); n <= log.total; n += 1) {
    const line = log.line(n);
    if (!meets(line, query)) continue;
    const text = plainText(line.text);
    const matches = [...text.matchAll(expression)];
    if (matches.length === 0) continue;
    count += 1;
    const ranges = matches
      .filter(([found]) => found !== '')
      .map((match): [number, number] => [match.index, match.index + match[0].length]);
    if (hits.length < limit) hits.push({ type: 'hit', ...line, text, ranges, before: [], after: [] });
  }
  return [...hits, { type: 'end', hits: count, lines: log.total, complete: log.ended }];
}

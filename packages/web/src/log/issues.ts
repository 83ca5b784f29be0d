import type { LogPage } from '@kiln/protocol/api.ts';
import { request } from '../api/request.ts';
import { markAfter, markBefore, type Outline } from './outline.ts';

/** Lines looked at by the farm at once; one of the outline's stretches is fetched in pages of this. */
const PAGE = 5000;

interface LogId {
  jobId: string;
  attempt: number;
}

/** The first line of WARN or worse after a line, null when there is none. Asks the farm when not every such line is known. */
export async function issueAfter(log: LogId, outline: Outline, line: number): Promise<number | null> {
  const known = markAfter(outline.marks, line)?.line ?? null;
  if (outline.marksAll) return known;
  return (await page(log, line + 1, 1))[0] ?? known;
}

/** The last line of WARN or worse before a line, null when there is none. */
export async function issueBefore(log: LogId, outline: Outline, line: number): Promise<number | null> {
  const known = markBefore(outline.marks, line)?.line ?? null;
  if (outline.marksAll) return known;
  const stretches = outline.density.filter((each) => each.warnings + each.errors > 0 && each.firstLine < line);
  for (const { firstLine, lines } of stretches.toReversed()) {
    const end = Math.min(line, firstLine + lines);
    let last: number | null = null;
    for (let from = firstLine; from < end; ) {
      const found = (await page(log, from, PAGE)).filter((each) => each < end);
      last = found.at(-1) ?? last;
      if (found.length < PAGE) break;
      from = (last ?? from) + 1;
    }
    if (last !== null) return last;
  }
  return known;
}

async function page({ jobId, attempt }: LogId, from: number, limit: number): Promise<number[]> {
  const query = `attempt=${attempt}&level=WARN&from=${from}&limit=${limit}`;
  const { lines } = await request<LogPage>(`api/jobs/${jobId}/log?${query}`);
  return lines.map(({ line }) => line);
}

/** The first line at or after a moment; null when the log ends before it. */
export async function lineOfTime({ jobId, attempt }: LogId, time: number): Promise<number | null> {
  const query = `attempt=${attempt}&since=${Math.round(time)}&limit=1`;
  const { lines } = await request<LogPage>(`api/jobs/${jobId}/log?${query}`);
  return lines[0]?.line ?? null;
}

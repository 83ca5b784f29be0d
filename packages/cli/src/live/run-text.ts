import type { RunDetail } from '@kiln/protocol/api.ts';
import { elapsed, oneLine, paint, relativeTime, shortId, statusWord } from '../output/words.ts';

/** `hello 1.3.0 · run 3f2a9c10 · building`: what is being watched. */
export function runHeadline(run: RunDetail): string {
  return `${paint('bold', `${run.recipe} ${run.version}`)} · run ${shortId(run.runId)} · ${statusWord(run.status)}`;
}

/** How a run ended: its failure with the line to look at, or what it published. */
export function runSummary(run: RunDetail): string[] {
  const took = elapsed(run.startedAt, run.finishedAt);
  const lines = [`${statusWord(run.status)} ${run.recipe} ${run.version}${took ? ` in ${took}` : ''}`];
  if (run.failure) {
    const { message, phase, line, lineText } = run.failure;
    lines.push(`  ${message}${phase ? ` (phase ${phase})` : ''}`);
    if (line !== null && lineText !== null) lines.push(`  line ${line}: ${oneLine(lineText)}`);
  }
  if (run.retryAt) lines.push(`  next try ${relativeTime(run.retryAt)}; now: kiln retry ${shortId(run.runId)}`);
  for (const entry of run.packages) {
    lines.push(
      `  published ${entry.package} ${entry.version} in ${entry.repository}: ${entry.files.map((file) => file.name).join(', ')}`,
    );
  }
  return lines;
}

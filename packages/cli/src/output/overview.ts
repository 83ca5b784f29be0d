import type { Overview } from '@kiln/protocol/api.ts';
import { align } from './table.ts';
import { count, elapsed, oneLine, paint, relativeTime, shortId } from './words.ts';

/** The farm at a glance, as text that ends with a newline. */
export function describeOverview(overview: Overview, url: string): string {
  const busy = overview.agents.reduce((sum, agent) => sum + agent.busy, 0);
  const connected = overview.agents.filter((agent) => agent.connected);
  const slots = connected.reduce((sum, agent) => sum + agent.slots, 0);
  const { day } = overview;
  const sections = [
    `${paint('bold', overview.farmId)} · Kiln ${overview.version} · ${url}\n`,
    overview.problems.length === 0
      ? `${paint('green', '✓ All is well.')}\n`
      : overview.problems.map((problem) => `${paint('yellow', '!')} ${problem.message}\n`).join(''),
    [
      `Agents      ${connected.length} of ${overview.agents.length} connected, ${busy} of ${slots} slots busy`,
      `Queue       ${count(overview.queueDepth, 'job')}`,
      `Last 24 h   ${count(day.runs, 'run')}: ${day.completed} completed, ${day.failed} failed`,
      '',
    ].join('\n'),
    section(
      'Running',
      overview.running.map((run) => [
        shortId(run.runId),
        run.recipe,
        run.version,
        `${Math.floor(run.percent)} %`,
        elapsed(run.startedAt, null),
        oneLine(run.text).slice(0, 60),
      ]),
    ),
    section(
      'Failing',
      overview.failing.map((entry) => [
        entry.runId ? shortId(entry.runId) : '',
        entry.recipe,
        entry.version,
        count(entry.failures, 'failure'),
        entry.nextRetry ? `next try ${relativeTime(entry.nextRetry)}` : 'no further try',
      ]),
    ),
    section(
      'Published',
      overview.published
        .slice(0, 5)
        .map((entry) => [entry.package, entry.version, entry.repository, relativeTime(entry.publishedAt)]),
    ),
  ];
  return sections.filter((text) => text !== '').join('\n');
}

function section(title: string, rows: string[][]): string {
  if (rows.length === 0) return '';
  return `${paint('bold', title)}\n${align(rows)
    .map((line) => `  ${line}\n`)
    .join('')}`;
}

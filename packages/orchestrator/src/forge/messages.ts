import { stripVTControlCharacters } from 'node:util';
import { formatDuration } from '@kiln/protocol/duration.ts';
import type { LeasedReport } from '@kiln/store/forge-reports.ts';

/** What a report says to people. */
export interface ReportMessage {
  /** One line: how it goes. */
  title: string;
  /** Markdown: the same in full, with the ids and a link. */
  summary: string;
  /** One line with the ids, at most `limit` characters long. */
  description(limit: number): string;
  /** The run's page, or null when nobody said where the dashboard is. */
  link: string | null;
}

type ReportedRun = Pick<
  LeasedReport,
  | 'runId'
  | 'requestId'
  | 'recipe'
  | 'version'
  | 'state'
  | 'attempt'
  | 'publishes'
  | 'failure'
  | 'startedAt'
  | 'finishedAt'
  | 'retryAt'
>;

const TITLE_LIMIT = 120;
/** A log line can be very long; its beginning says enough. */
const LINE_LIMIT = 400;

/** What a report says. `publicUrl`: where people open the dashboard, without a slash at the end. */
export function messageOf(report: ReportedRun, publicUrl: string | null): ReportMessage {
  const title = titleOf(report);
  const ids = [`Trace: ${report.requestId}`, `Run: ${report.runId}`];
  const link = publicUrl === null ? null : `${publicUrl}/runs/${report.runId}`;
  const paragraphs = [
    `**${report.recipe} ${report.version}**${report.attempt > 1 ? `, attempt ${report.attempt}` : ''}`,
    ...sentences(report),
    // Each in a paragraph of its own, or Markdown would put them on one line.
    ...ids,
    ...(link ? [`[The run in Kiln](${link})`] : []),
  ];
  return {
    title: cut(title, TITLE_LIMIT),
    summary: `${paragraphs.join('\n\n')}\n`,
    description(limit) {
      const tail = ids.join(' | ');
      return `${cut(title, limit - tail.length - 3)} | ${tail}`;
    },
    link,
  };
}

/** The most telling words first, since a short description shows only some of them. */
function titleOf({ state, publishes, failure, retryAt, startedAt, finishedAt }: ReportedRun): string {
  switch (state) {
    case 'queued':
      return 'Waiting for an agent';
    case 'running':
      return 'Building';
    case 'success': {
      const took = startedAt && finishedAt ? ` in ${formatDuration(finishedAt.getTime() - startedAt.getTime())}` : '';
      return `${publishes ? 'Built and published' : 'Built'}${took}`;
    }
    case 'cancelled':
      return capital(oneLine(failure?.message ?? 'cancelled'));
    case 'failure': {
      const where = failure?.phase ? ` in ${oneLine(failure.phase)}` : '';
      const next = retryAt ? `, next try ${shortTime(retryAt)}` : '';
      return `Failed${where}${next}${failure?.message ? `: ${oneLine(failure.message)}` : ''}`;
    }
  }
}

function sentences(report: ReportedRun): string[] {
  const { state, failure, retryAt } = report;
  if (state !== 'failure') return [`${escapeMarkdown(titleOf(report))}.`];
  const where = failure?.phase ? ` in phase ${escapeMarkdown(oneLine(failure.phase))}` : '';
  const why = failure?.message ? `: ${escapeMarkdown(cut(oneLine(failure.message), LINE_LIMIT))}` : '';
  const line = failure?.lineText ? cut(oneLine(failure.lineText), LINE_LIMIT) : null;
  const number = failure?.line ? `, line ${failure.line} of the log` : '';
  return [
    `Failed${where}${why}.`,
    ...(line ? [`First error${number}:`, `    ${line}`] : []),
    retryAt ? `The next try is at ${fullTime(retryAt)}.` : 'It is not tried again by itself.',
  ];
}

/** `2026-05-07 14:47 UTC`. */
function fullTime(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** Without the day while the clock alone can't be misread. */
function shortTime(at: Date): string {
  const soon = at.getTime() - Date.now() < 12 * 3_600_000;
  return soon ? fullTime(at).slice(11) : fullTime(at);
}

function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

function cut(text: string, limit: number): string {
  const letters = [...text];
  return letters.length <= limit
    ? text
    : `${letters
        .slice(0, limit - 1)
        .join('')
        .trimEnd()}…`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~]/g, '\\$&');
}

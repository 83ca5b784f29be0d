import type { Trace } from '@kiln/protocol/api.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { table } from './table.ts';
import { oneLine, paint, shortId, statusWord } from './words.ts';

/** A trace as text: what it began with, each milestone with the time since the one before, and the runs. */
export function describeTrace(trace: Trace): string {
  const [first] = trace.timeline;
  const start = first ? Date.parse(first.at) : 0;
  let before = start;
  const rows = trace.timeline.map((entry) => {
    const at = Date.parse(entry.at);
    const since = at - before;
    before = at;
    return [
      clock(entry.at),
      paint('gray', since > 0 ? `+${formatDuration(since)}` : ''),
      entry.service,
      entry.runId ? shortId(entry.runId) : '',
      paint('cyan', entry.name),
      oneLine(entry.message),
    ];
  });
  const head = `Request ${paint('bold', trace.requestId)} (asked by ${trace.kind} ${trace.id})\n`;
  const events = trace.events.map(
    (event) => `Event   ${event.name} from ${event.source}, ${event.routingKey}: ${event.outcome || event.status}\n`,
  );
  const runs = trace.runs.map(
    (run) => `Run     ${shortId(run.runId)} ${run.recipe} ${run.version} ${statusWord(run.status)}\n`,
  );
  const total = trace.timeline.length > 1 ? `\nFrom first to last: ${formatDuration(before - start)}\n` : '';
  const milestones = table(['TIME', 'SINCE', 'TIER', 'RUN', 'WHAT', ''], rows, 'Nothing was recorded.');
  return `${head}${events.join('')}${runs.join('')}\n${milestones}${total}`;
}

function clock(time: string): string {
  const at = new Date(time);
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

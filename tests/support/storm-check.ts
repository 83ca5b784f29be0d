import { createHash } from 'node:crypto';
import type { LogLine } from '@kiln/protocol/api.ts';
import type { Farm } from './farm.ts';
import { lineOf, type StormJob } from './storm-jobs.ts';

/** An attempt as the API tells it. */
export interface EndedAttempt {
  jobId: string;
  attempt: number;
  status: string;
  lines: number;
}

/** How Kiln ends the log of an agent that is gone. */
const LOST_WORDS = /^agent \S+ .*the agent had not handed over by then is missing$/;
const TRIES = 400;
const PAUSE_MS = 100;

/**
 * Reads an ended attempt's log over HTTP, as text and as JSON lines, and compares every byte with what its job prints.
 * Returns SHA-256 of the text, in hex. Throws on the first line that is missing, comes twice or is out of order; the log
 * of an attempt whose agent was lost may end early, but says so.
 */
export async function checkLog(farm: Farm, job: StormJob, ended: EndedAttempt): Promise<string> {
  const { jobId, attempt, status, lines } = ended;
  const where = `${job.name}, attempt ${attempt} of job ${jobId}`;
  const [text, json] = await Promise.all(
    ['log.txt', 'log.jsonl'].map(async (name) => await download(farm, `/api/jobs/${jobId}/${name}?attempt=${attempt}`)),
  );
  const parsed: LogLine[] = (json ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (parsed.length !== lines) throw new Error(`${where}: ${parsed.length} lines, the attempt has ${lines}`);
  if (text !== parsed.map((line) => `${line.text}\n`).join('')) throw new Error(`${where}: log.txt is not log.jsonl`);
  checkOrder(where, parsed);
  const printed = parsed.filter(({ component }) => component === 'output');
  printed.forEach((line, index) => {
    if (line.text !== lineOf(job, index + 1))
      throw new Error(
        `${where}: line ${index + 1} of the job is "${line.text.slice(0, 40)}" (${line.line} of the log)`,
      );
  });
  if (status === 'completed' && printed.length !== job.lines)
    throw new Error(`${where}: completed, with ${printed.length} of ${job.lines} lines`);
  const last = parsed.at(-1);
  if (status === 'failed' && !(last?.component === 'kiln' && last.level === 'ERROR' && LOST_WORDS.test(last.text)))
    throw new Error(`${where}: lost, but its log ends with "${last?.text.slice(0, 80)}"`);
  return createHash('sha256').update(text).digest('hex');
}

function checkOrder(where: string, lines: readonly LogLine[]): void {
  let time = '';
  lines.forEach((line, index) => {
    if (line.line !== index + 1) throw new Error(`${where}: line ${line.line} stands where ${index + 1} should`);
    if (line.time < time) throw new Error(`${where}: the time goes back at line ${line.line}`);
    time = line.time;
  });
}

/** The body, however often the farm has to be asked. Throws on an answer that asking again does not change. */
async function download(farm: Farm, path: string): Promise<string> {
  let trouble = '';
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const response = await fetch(`${farm.url}${path}`, { headers: { authorization: `Bearer ${farm.token}` } });
      const body = await response.text();
      if (response.ok) return body;
      trouble = `${response.status} ${body.slice(0, 200)}`;
    } catch (error) {
      trouble = String(error);
    }
    if (/^4/.test(trouble)) break;
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  throw new Error(`GET ${path}: ${trouble}`);
}

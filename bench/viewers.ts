import { setTimeout as sleep } from 'node:timers/promises';
import { zstdDecompressSync } from 'node:zlib';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { decodeFrame } from '@kiln/protocol/frame.ts';
import WebSocket from 'ws';
import { type Farm, startFarm } from '../tests/support/farm.ts';
import { difference, usageBelow } from './process-tree.ts';
import { report } from './report.ts';

/**
 * 100 viewers on 10 jobs that each print 1,000 lines a second for ten seconds: half of them at the live socket of the
 * dashboard, half at the JSON stream of builds. Each line holds the time at which it was printed. Claims: every viewer has
 * every line once and in order; from print to socket the 95th percentile stays under 250 ms.
 */
const JOBS = 10;
const VIEWERS = 100;
const LINES_A_SECOND = 1000;
const SECONDS = 10;
const LINES = LINES_A_SECOND * SECONDS;

/** Prints ten lines every ten milliseconds, each with its number and the time in milliseconds since the epoch. */
const PRINTER = `
let n = 0;
const begin = performance.now() + 2000;
const timer = setInterval(() => {
  const due = Math.min(${LINES}, Math.floor(((performance.now() - begin) * ${LINES_A_SECOND}) / 1000));
  let text = "";
  while (n < due) text += "print " + (++n) + " " + (performance.timeOrigin + performance.now()).toFixed(3) + " compiling src/module.c into module.o with all warnings\\n";
  if (text) process.stdout.write(text);
  if (n >= ${LINES}) clearInterval(timer);
}, 10);
`;

interface Viewer {
  kind: 'live' | 'json';
  /** Lines of the job that came, in order. */
  lines: number;
  /** Milliseconds from print to socket of every line that came live. */
  delays: number[];
  ended: Promise<void>;
}

interface Printed {
  number: number;
  time: number;
}

function printedBy(text: string): Printed | null {
  const [, number, time] = /^print (\d+) ([\d.]+) /.exec(text) ?? [];
  return number === undefined ? null : { number: Number(number), time: Number(time) };
}

const frames = new Map<string, Printed[]>();

/** The lines of a frame, unpacked for the first of its viewers only. */
function printedIn(data: Buffer): Printed[] {
  const { header, compressed } = decodeFrame(data);
  const key = `${header.job} ${header.firstLine} ${header.lines}`;
  const known = frames.get(key);
  if (known) return known;
  const text = zstdDecompressSync(compressed).toString();
  const printed = text.split('\n').flatMap((line) => printedBy(line) ?? []);
  frames.set(key, printed);
  return printed;
}

function view(farm: Farm, kind: Viewer['kind'], jobId: string): Viewer {
  const path = kind === 'live' ? '/api/live' : '/api/vm-build/logs/stream';
  const socket = new WebSocket(farm.url.replace('http', 'ws') + path, {
    headers: { authorization: `Bearer ${farm.token}` },
    perMessageDeflate: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const viewer: Viewer = { kind, lines: 0, delays: [], ended: promise };
  const take = ({ number, time }: Printed, now: number): void => {
    if (number !== viewer.lines + 1) reject(new Error(`line ${number} came after line ${viewer.lines}`));
    viewer.lines += 1;
    viewer.delays.push(now - time);
  };
  const follow =
    kind === 'live' ? { type: 'follow.log', jobId, attempt: 1, from: 1 } : { type: 'subscribe', task_id: jobId };
  socket.on('open', () => socket.send(JSON.stringify(follow)));
  socket.on('error', reject);
  socket.on('close', (code, reason) => reject(new Error(`a viewer was let go: ${code} ${reason.toString()}`)));
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    const now = performance.timeOrigin + performance.now();
    if (isBinary) {
      for (const printed of printedIn(data)) take(printed, now);
      return;
    }
    const text = data.toString();
    // Without parsing: every message of every viewer would be measured as Kiln's.
    if (text.startsWith('{"type":"build_log"')) {
      const printed = printedBy(text.slice(text.indexOf('"message":"') + 11));
      if (printed) take(printed, now);
    } else if (text.includes('"type":"log.end"') || text.includes('"type":"end"')) {
      resolve();
      socket.terminate();
    }
  });
  return viewer;
}

const printer = `node -e '${PRINTER.replaceAll('\n', ' ')}'`;
const recipe = ['jobs:'];
for (let n = 0; n < JOBS; n++) recipe.push(`  printer-${n}:`, '    steps:', `      - ${JSON.stringify(printer)}`);
const farm = await startFarm({
  recipes: { 'printers.yaml': `${recipe.join('\n')}\n` },
  env: { KILN_AGENT_SLOTS: String(JOBS) },
});
try {
  const before = await usageBelow(farm.supervisor.pid ?? 0);
  const [runId = ''] = (await farm.start('printers', '1')).runs;
  const run = await farm.api<RunDetail>(`/api/runs/${runId}`);
  while ((await farm.api<RunDetail>(`/api/runs/${runId}`)).jobList.some(({ attempt }) => attempt === 0))
    await sleep(20);
  const viewers = Array.from({ length: VIEWERS }, (_, n) =>
    view(farm, n % 2 ? 'json' : 'live', run.jobList[Math.floor(n / 2) % JOBS]?.jobId ?? ''),
  );
  await Promise.all(viewers.map(async ({ ended }) => await ended));
  await farm.finished(runId);
  const missing = viewers.reduce((sum, { lines }) => sum + LINES - lines, 0);
  const figures = (['live', 'json'] as const).flatMap((kind) => {
    const delays = viewers.filter((viewer) => viewer.kind === kind).flatMap((viewer) => viewer.delays);
    delays.sort((a, b) => a - b);
    const at = (part: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * part))] ?? Number.NaN;
    const what = kind === 'live' ? 'live socket' : 'JSON stream';
    return [
      { name: `${what}: print to socket, median of ${delays.length}`, ms: at(0.5) },
      { name: `${what}: the same, 95th percentile (claim: under 250 ms)`, ms: at(0.95) },
      { name: `${what}: the same, at most`, ms: at(1) },
    ];
  });
  const busiest = difference(before, await usageBelow(farm.supervisor.pid ?? 0)).slice(0, 4);
  report('viewers', [
    { name: `lines missing for ${VIEWERS} viewers (claim: none)`, value: String(missing) },
    ...figures,
    ...busiest.map(({ name, cpuMs }) => ({ name: `processor time of ${name}`, ms: cpuMs })),
  ]);
  if (missing > 0) process.exitCode = 1;
} finally {
  await farm.remove();
}

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunDetail } from '@kiln/protocol/api.ts';
import type { LiveMessage } from '@kiln/protocol/live.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import WebSocket from 'ws';
import { type Farm, startFarm } from '../tests/support/farm.ts';
import { writeLines } from './lines.ts';
import { report } from './report.ts';

/**
 * One job prints 1,000,000 lines of 100 bytes: durable and delivered to one live reader, against `gzip -1` of the same
 * bytes. Claims: at most 2× gzip; no Kiln process grows by 64 MB.
 */
const LINES = 1_000_000;

async function gzip(path: string): Promise<number> {
  const began = performance.now();
  await new Promise((done) => spawn('sh', ['-c', `gzip -1 <"$0" >/dev/null`, path]).on('close', done));
  return performance.now() - began;
}

/** Resident bytes of the supervisor's processes, PostgreSQL's apart, by pid. */
async function memory(farm: Farm): Promise<Map<number, { name: string; bytes: number }>> {
  const pids = [farm.supervisor.pid ?? 0];
  for (const pid of pids) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    pids.push(...children.split(' ').filter(Boolean).map(Number));
  }
  const found = new Map<number, { name: string; bytes: number }>();
  for (const pid of pids) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (!command.includes('main.ts')) continue;
    const [, kb] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')) ?? [];
    if (kb) found.set(pid, { name: /main\.ts (\w+)/.exec(command)?.[1] ?? 'kiln', bytes: Number(kb) * 1024 });
  }
  return found;
}

async function follow(farm: Farm, jobId: string): Promise<{ lines: number; bytes: number }> {
  const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/api/live`, {
    headers: { authorization: `Bearer ${farm.token}` },
    perMessageDeflate: false,
  });
  let lines = 0;
  let bytes = 0;
  return await new Promise((done, fail) => {
    socket.on('open', () => socket.send(JSON.stringify({ type: 'follow.log', jobId, attempt: 1, from: 1 })));
    socket.on('error', fail);
    socket.on('message', (data: Buffer, binary: boolean) => {
      if (binary) {
        const { header } = readFrame(data);
        if (header.firstLine !== lines + 1) fail(new Error(`line ${header.firstLine} came after line ${lines}`));
        lines += header.lines;
        bytes += header.bytes;
        return;
      }
      const message = JSON.parse(data.toString()) as LiveMessage;
      if (message.type !== 'log.end') return;
      socket.close();
      done({ lines, bytes });
    });
  });
}

const folder = await mkdtemp(join(tmpdir(), 'kiln-bench-log-'));
const file = join(folder, 'lines.txt');
await writeLines(file, LINES);
const floors = [await gzip(file), await gzip(file)];
const farm = await startFarm({
  recipes: {
    'loud.yaml': `steps:\n  - cat ${file}\n`,
    'warm.yaml': `steps:\n  - head -n 20000 ${file}\n`,
  },
});
try {
  await farm.finished((await farm.start('warm', '1')).runs[0] ?? '');
  const idle = await memory(farm);
  const peak = new Map<number, number>();
  const watch = setInterval(async () => {
    for (const [pid, { bytes }] of await memory(farm)) peak.set(pid, Math.max(peak.get(pid) ?? 0, bytes));
  }, 50);
  const began = performance.now();
  const [runId] = (await farm.start('loud', '1')).runs;
  const run = await farm.api<RunDetail>(`/api/runs/${runId}`);
  const read = await follow(farm, run.jobList[0]?.jobId ?? '');
  const took = performance.now() - began;
  clearInterval(watch);
  floors.push(await gzip(file));
  const end = await farm.finished(runId ?? '');
  const lines = end.jobList[0]?.attempts[0]?.lines ?? 0;
  if (read.lines !== lines || lines < LINES)
    throw new Error(`${LINES} lines were printed, ${lines} stored, ${read.lines} delivered`);
  const size = (await stat(file)).size;
  const base = Math.min(...floors);
  report('log', [
    { name: `floor: gzip -1 over ${LINES} lines, ${Math.round(size / 1e6)} MB`, ms: base },
    { name: 'printed, stored and delivered to a live reader', ms: took, ratio: took / base, claim: 2 },
    ...[...peak].map(([pid, bytes]) => {
      const grew = (bytes - (idle.get(pid)?.bytes ?? bytes)) / 1e6;
      return {
        name: `memory growth of ${idle.get(pid)?.name ?? pid} (claim: under 64 MB)`,
        value: `${grew.toFixed(0)} MB`,
      };
    }),
  ]);
} finally {
  await farm.remove();
  await rm(folder, { recursive: true, force: true });
}

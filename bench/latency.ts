import { zstdDecompressSync } from 'node:zlib';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import WebSocket from 'ws';
import { startFarm } from '../tests/support/farm.ts';
import { report } from './report.ts';

/**
 * From a line printed to a live reader having it, durable: a job prints its own clock every 20 ms, the reader compares.
 * Claims on an idle farm: median under 10 ms, 99th percentile under 50 ms.
 */
const LINES = 500;
const farm = await startFarm({
  recipes: {
    'clock.yaml': `steps:\n  - |\n    sleep 1\n    n=0\n    while [ $n -lt ${LINES} ]; do date +"clock %s%N"; n=$((n+1)); sleep 0.02; done\n`,
  },
});
try {
  const [runId] = (await farm.start('clock', '1')).runs;
  const run = await farm.api<RunDetail>(`/api/runs/${runId}`);
  const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/api/live`, {
    headers: { authorization: `Bearer ${farm.token}` },
    perMessageDeflate: false,
  });
  const delays: number[] = [];
  await new Promise<void>((done, fail) => {
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'follow.log', jobId: run.jobList[0]?.jobId, attempt: 1 })),
    );
    socket.on('error', fail);
    socket.on('message', (data: Buffer, binary: boolean) => {
      const now = performance.timeOrigin + performance.now();
      if (!binary) {
        if (data.toString().includes('"log.end"')) done();
        return;
      }
      const text = zstdDecompressSync(readFrame(data).compressed).toString();
      for (const [, nanoseconds] of text.matchAll(/^clock (\d+)$/gm)) delays.push(now - Number(nanoseconds) / 1e6);
    });
  });
  socket.close();
  delays.sort((a, b) => a - b);
  const at = (part: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * part))] ?? Number.NaN;
  report('latency', [
    { name: `line printed to line read, median of ${delays.length} (claim: under 10 ms)`, ms: at(0.5) },
    { name: 'the same, 99th percentile (claim: under 50 ms)', ms: at(0.99) },
  ]);
} finally {
  await farm.remove();
}

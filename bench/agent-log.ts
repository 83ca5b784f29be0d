import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAgent } from '@kiln/agent/agent.ts';
import { dispatchOf } from '@kiln/agent/testing/test-agent.ts';
import { loadConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';

/**
 * How quickly an agent takes a loud job's output: `node bench/agent-log.ts`. A job prints a million lines of 100
 * bytes, an orchestrator in another process acknowledges each frame at once. Beside it: `gzip -1` over the same bytes.
 */
const LINES = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), 'kiln-bench-log-'));
const varied = join(folder, 'varied');
const uniform = join(folder, 'uniform');
const say = (text: string) => process.stdout.write(`${text}\n`);

execFileSync('sh', [
  '-c',
  `awk 'BEGIN { srand(1); for (i = 0; i < ${LINES}; i++) printf "%07d [%4d/%4d] cc -O2 -g -Wall -c src/lib/%06x/object_%04d.c -o build/%06x/object_%04d.o    \\n", i, i % 1000, 1000, rand() * 16777216, i % 9999, rand() * 16777216, i % 9999 }' > ${varied}
   yes "$(printf 'x%.0s' $(seq 99))" | head -n ${LINES} > ${uniform}`,
]);

const server = fork(fileURLToPath(new URL('./acking-orchestrator.ts', import.meta.url)));
const [{ port }] = await once(server, 'message');
const config = await loadConfig({
  dataDir: folder,
  env: {},
  overrides: { 'agent.orchestrator': `ws://127.0.0.1:${port}`, 'agent.addr': '' },
});
const log = createLogger({ level: 'error', format: 'json', service: 'agent', instance: 'bench' });
const lifecycle = new Lifecycle(log);
const ready = once(server, 'message');
const agent = await startAgent({
  config,
  log,
  lifecycle,
  metrics: createMetrics('kiln_agent_'),
  stateDir: join(folder, 'agent'),
  joinToken: 'any',
});
await ready;
await agent.connected;

await job('true');
await job(`head -n 10000 ${varied}`);
for (let round = 1; round <= 3; round++) {
  for (const file of [varied, uniform]) {
    const name = file === varied ? 'varied lines ' : 'uniform lines';
    const gzip = await gzipSeconds(file);
    const before = process.memoryUsage.rss();
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 5);
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const { totals } = await job(`cat ${file}`);
    const seconds = (performance.now() - startedAt) / 1000;
    clearInterval(sampler);
    const { user, system } = process.cpuUsage(cpu);
    say(
      `${name} ${round}: job ${seconds.toFixed(2)} s (agent cpu ${((user + system) / 1e6).toFixed(2)} s), ` +
        `gzip -1 ${gzip.toFixed(2)} s, ratio ${(seconds / gzip).toFixed(2)}; ${totals.lines} lines in ${totals.frames} frames, ` +
        `${(totals.bytes / 1e6).toFixed(0)} → ${(totals.compressed / 1e6).toFixed(1)} MB; rss +${((peak - before) / 2 ** 20).toFixed(0)} MiB (${(before / 2 ** 20).toFixed(0)} before)`,
    );
  }
}
await lifecycle.stop();
server.disconnect();
rmSync(folder, { recursive: true });

async function job(
  run: string,
): Promise<{ totals: { frames: number; bytes: number; lines: number; compressed: number } }> {
  const dispatch = { ...dispatchOf({ steps: [run] }), fence: 1 };
  server.send(dispatch);
  for (;;) {
    const [message] = await once(server, 'message');
    if (message.finished) return message;
  }
}

async function gzipSeconds(file: string): Promise<number> {
  const startedAt = performance.now();
  const gzip = spawn('gzip', ['-1', '-c'], { stdio: [openSync(file, 'r'), openSync('/dev/null', 'w'), 'inherit'] });
  await once(gzip, 'exit');
  return (performance.now() - startedAt) / 1000;
}

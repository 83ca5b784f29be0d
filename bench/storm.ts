import { parseArgs } from 'node:util';
import { storm } from '../tests/support/storm.ts';
import { report } from './report.ts';

/**
 * Random kill -9 of agent, server and PostgreSQL while five jobs print numbered lines. Claim: every event ends in one finished
 * run; every log is complete, each line once, in order, read over HTTP, live and after sealing. Ends with 1 where it is not so.
 */
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string', default: String(Date.now() % 1e6) } },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed);
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed)) {
  process.stderr.write('storm takes --rounds N and --seed N, both whole numbers\n');
  process.exit(2);
}
process.stdout.write(`storm of ${rounds} rounds, --seed ${seed}\n`);
const began = performance.now();
const say = (words: string) => process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1)} s ${words}\n`);
const result = await storm({ rounds, seed, pauseMs: 3500, sealed: true, say });
report('storm', [
  { name: `${rounds} rounds`, ms: performance.now() - began },
  ...Object.entries(result.kills).map(([target, count]) => ({ name: `killed ${target}`, value: `${count}` })),
  { name: 'runs, each finished once', value: `${result.runs}` },
  { name: 'attempts, of which their agent was lost', value: `${result.attempts}, ${result.lost}` },
  { name: 'lines, each there once and in order', value: `${result.lines}, ${Math.round(result.bytes / 1e6)} MB` },
  { name: 'logs read again after they were sealed', value: `${result.sealed}` },
  { name: 'connections of the live viewers', value: `${result.connections}` },
]);

import { setTimeout as sleep } from 'node:timers/promises';
import type { Farm } from './farm.ts';
import { killOne, pidsOf, type Victim } from './farm-processes.ts';
import type { Random } from './random.ts';
import { until } from './until.ts';

/** What one round kills: `sealing` is the server at the moment in which a job ended, so that its log is about to be sealed. */
const TARGETS: readonly (Victim | 'sealing' | 'server+agent' | 'server+postgres')[] = [
  'agent',
  'agent',
  'server',
  'server',
  'postgres',
  'backend',
  'backend',
  'sealing',
  'sealing',
  'server+agent',
  'server+postgres',
];
/** How long a victim may take to come back. */
const ALIVE_MS = 60_000;

export interface KillOptions {
  random: Random;
  rounds: number;
  /** Longest pause between two rounds, in milliseconds; the shortest is 50. */
  pauseMs: number;
  say: (words: string) => void;
}

/** Kills processes of a farm, round after round. Returns how often each kind of target was hit. */
export async function killAtRandom(farm: Farm, options: KillOptions): Promise<Record<string, number>> {
  const { random, rounds, pauseMs, say } = options;
  const kills: Record<string, number> = {};
  for (let round = 1; round <= rounds; round++) {
    const target = random.pick(TARGETS);
    await sleep(random.between(50, pauseMs));
    if (target === 'sealing') await aboutToSeal(farm, random);
    for (const victim of target === 'sealing' ? (['server'] as const) : (target.split('+') as Victim[])) {
      await lives(farm, victim, random.between(2 * pauseMs, 4 * pauseMs));
      const pid = await killOne(farm.data, victim, (count) => random.between(0, count - 1));
      say(`round ${round}: killed ${victim} ${pid ?? '(gone)'} (${target})`);
    }
    kills[target] = (kills[target] ?? 0) + 1;
  }
  return kills;
}

/** Waits until there is one to kill. One that was away gets some time: what dies again at once is started ever later. */
async function lives(farm: Farm, victim: Victim, time: number): Promise<void> {
  const isThere = async () => (await pidsOf(farm.data, victim)).length > 0;
  if (await isThere()) return;
  await until(`there is a ${victim}`, isThere, ALIVE_MS);
  await sleep(time);
}

/** Waits up to five seconds for a job to end, and then for a moment in which its log may be sealed. */
async function aboutToSeal(farm: Farm, random: Random): Promise<void> {
  const later = random.between(0, 40);
  const ended = new AbortController();
  const listen = (chunk: Buffer | string) => {
    if (String(chunk).includes('msg="job finished"')) ended.abort();
  };
  farm.supervisor.stderr?.on('data', listen);
  await sleep(5000, undefined, { signal: ended.signal }).catch(() => {});
  farm.supervisor.stderr?.off('data', listen);
  await sleep(later);
}

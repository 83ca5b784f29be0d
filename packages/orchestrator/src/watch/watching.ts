import { setTimeout as sleep } from 'node:timers/promises';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { holdRoster } from '@kiln/store/recipes.ts';
import { type LeasedWatch, leaseWatches, syncWatches, untilNextPoll, WATCH_LEASES } from '@kiln/store/watches.ts';
import type { Roster } from '../recipes/roster.ts';
import { type PollTask, pollUpstream } from './poll.ts';
import { isWatched, type WatchedRecipe, watchKey } from './watch-key.ts';

/** The longest sleep: what another process asked for without being heard is found within this. */
const LOOK_EVERY_MS = 5_000;
/** How many builds one look asks for, so that a thousand new tags come in helpings and nobody else's work waits. */
const BUILDS_AT_ONCE = 20;

type RosterView = Pick<Roster, 'all' | 'get' | 'version'>;

/**
 * Looks at the upstreams of the roster, each at its time, at most `parallel_polls` at once. The watches are rows with
 * leases, so orchestrators share them and each recipe is looked at by one of them; a slow upstream takes a place, not
 * the turn of the others. Returns when the table of watches agrees with the roster.
 */
export async function startWatching(context: FarmContext, roster: RosterView): Promise<void> {
  const { db, bus, lifecycle, config } = context;
  const active = new Set<Promise<number>>();
  let stale = false;
  let wakeUp = () => {};
  await syncRoster(context, roster);

  const wake = (given: () => void) => {
    wakeUp = given;
    const unsubscribes = [
      bus.subscribe(SUBJECTS.watch, wakeUp),
      bus.subscribe(SUBJECTS.roster, () => {
        stale = true;
        wakeUp();
      }),
    ];
    return () => {
      for (const unsubscribe of unsubscribes) unsubscribe();
    };
  };
  const freePolls = () => config.orchestrator.parallelPolls - active.size;
  // With no place free, what is due has to wait for the end of a poll, which wakes the loop.
  const nextDueMs = async () => (freePolls() === 0 ? null : await untilNextPoll(db));
  lifecycle.loop('watch', { everyMs: LOOK_EVERY_MS, nextDueMs, wake }, async () => {
    if (stale) {
      stale = false;
      await syncRoster(context, roster).catch((error: unknown) => {
        stale = true;
        throw error;
      });
    }
    if (freePolls() === 0) return;
    const leased = await leaseDue(context, roster, freePolls());
    for (const group of byUpstream(leased)) {
      const poll = pollUpstream(context, group, { limit: BUILDS_AT_ONCE });
      active.add(poll);
      void poll.finally(() => {
        active.delete(poll);
        wakeUp();
      });
    }
  });
  lifecycle.onStop('watching', async () => await Promise.all(active));
}

/**
 * Looks at every upstream of the roster exactly once, due or not, and asks for all the builds that it finds. Returns how
 * many recipes were looked at and how many of the looks failed.
 */
export async function pollOnce(context: FarmContext, roster: RosterView): Promise<{ polled: number; failed: number }> {
  await syncRoster(context, roster);
  const recipes = roster.all().filter(isWatched);
  const total = { polled: recipes.length, failed: 0 };
  const worker = async () => {
    for (let recipe = recipes.shift(); recipe; recipe = recipes.shift()) {
      const watch = await leaseOne(context, recipe.name);
      const failed = watch ? await pollUpstream(context, [{ recipe, watch }], { limit: Number.POSITIVE_INFINITY }) : 1;
      total.failed += failed;
    }
  };
  await Promise.all(Array.from({ length: context.config.orchestrator.parallelPolls }, worker));
  return total;
}

/** Takes the lease of one watch, due or not. Another process may be looking, or have been killed while it did: that ends. */
async function leaseOne({ db, instance, lifecycle }: FarmContext, recipe: string): Promise<LeasedWatch | undefined> {
  const deadline = Date.now() + 2 * WATCH_LEASES.leaseMs;
  while (!lifecycle.signal.aborted && Date.now() < deadline) {
    const [watch] = await leaseWatches(db, {
      instance,
      limit: 1,
      recipes: [recipe],
      evenIfNotDue: true,
    });
    if (watch) return watch;
    await sleep(200, undefined, { signal: lifecycle.signal }).catch(() => {});
  }
  return undefined;
}

async function syncRoster({ db }: FarmContext, roster: RosterView): Promise<void> {
  const watches = roster
    .all()
    .filter(isWatched)
    .map(({ name, upstream }) => ({ recipe: name, upstream: watchKey(upstream), pollMs: upstream.pollMs }));
  await db.begin(async (sql) => {
    // Of a newer roster this node hears soon, and whoever loaded it has written its watches down.
    if (await holdRoster(sql, roster.version)) await syncWatches(sql, watches);
  });
}

/** Leases due watches. While a reload is under way one may be for another upstream than the roster's: its lease is left to the next sync. */
async function leaseDue({ db, instance }: FarmContext, roster: RosterView, limit: number): Promise<PollTask[]> {
  const recipes = new Map<string, WatchedRecipe>();
  for (const recipe of roster.all()) if (isWatched(recipe)) recipes.set(recipe.name, recipe);
  const leased = await leaseWatches(db, { instance, limit, recipes: [...recipes.keys()] });
  return leased.flatMap((watch) => {
    const recipe = recipes.get(watch.recipe);
    return recipe && watchKey(recipe.upstream) === watch.upstream ? [{ recipe, watch }] : [];
  });
}

/** Recipes that are due together and watch one repository share a look. */
function byUpstream(tasks: readonly PollTask[]): PollTask[][] {
  return [...Map.groupBy(tasks, ({ recipe }) => recipe.upstream.git).values()];
}

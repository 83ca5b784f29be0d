import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Lifecycle } from '@kiln/service/lifecycle.ts';
import { formatProblem, type Problem } from '@kiln/service/problem.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { leader } from '@kiln/store/leadership.ts';
import { readRoster, rosterState, saveRoster } from '@kiln/store/recipes.ts';
import type { Leadership } from '../lead/leadership.ts';
import { loadRoster } from './loader.ts';

/** How late a follower notices that the leader loaded other recipes. */
const LOOK_EVERY_MS = 5_000;

export type RosterContext = Pick<FarmContext, 'db' | 'bus' | 'log' | 'instance'>;

/**
 * The recipes that this orchestrator works by: those of the leader's folder, which all others read from the database. The
 * leader loads its folder when it begins to lead and when it is told to. At the start of the farm a bad recipe is left out;
 * later any problem keeps the whole roster of before, so a slip in one file never takes a recipe away.
 */
export class Roster {
  readonly #dir: string;
  readonly #source: string;
  readonly #context: RosterContext;
  readonly #leadership: Pick<Leadership, 'term'>;
  #recipes: CompiledRecipe[] = [];
  #byName = new Map<string, CompiledRecipe>();
  #version = 0;
  /** Whether this orchestrator looked at its own folder since it began to lead. */
  #ledBefore = false;
  #last: Promise<unknown> = Promise.resolve();

  /** `source`: what its folder is called for others. */
  constructor(
    dir: string,
    context: RosterContext,
    leadership: Pick<Leadership, 'term'>,
    source = `${hostname()}:${resolve(dir)}`,
  ) {
    this.#dir = dir;
    this.#source = source;
    this.#context = context;
    this.#leadership = leadership;
  }

  /** In the order of the leader's recipes folder. */
  all(): CompiledRecipe[] {
    return this.#recipes;
  }

  get(name: string): CompiledRecipe | undefined {
    return this.#byName.get(name);
  }

  /** The version of the stored roster that these recipes are. */
  get version(): number {
    return this.#version;
  }

  /** The first load. Logs each problem with its file and line, and returns them. Throws when the database can't take the roster. */
  async load(): Promise<Problem[]> {
    return await this.#inTurn(async () => {
      const term = this.#leadership.term();
      if (term === null) {
        await this.#follow();
        return [];
      }
      return await this.#lead(term, { complaint: 'recipe left out', evenInPart: true });
    });
  }

  /** Looks now and then whether the leader loaded other recipes, and loads its own folder when it begins to lead itself. */
  watch(lifecycle: Lifecycle): void {
    lifecycle.loop('roster', { everyMs: LOOK_EVERY_MS }, async () => {
      await this.#inTurn(async () => {
        const term = this.#leadership.term();
        if (term === null) this.#ledBefore = false;
        if (term === null || this.#ledBefore) return await this.#follow();
        await this.#lead(term, { complaint: 'recipe roster not reloaded', evenInPart: false });
      });
    });
  }

  /** Makes sure that these recipes are none older than the stored ones, of which a follower hears some seconds later. */
  async catchUp(): Promise<void> {
    if ((await rosterState(this.#context.db)).version === this.#version) return;
    await this.#inTurn(async () => await this.#follow());
  }

  /**
   * Loads again. With any problem, or a database that does not answer, the roster stays as it is and an error says why. Where
   * another orchestrator leads, its recipes count, and the log says so.
   */
  async reload(): Promise<Problem[]> {
    return await this.#inTurn(async () => {
      const term = this.#leadership.term();
      try {
        if (term !== null)
          return await this.#lead(term, { complaint: 'recipe roster not reloaded', evenInPart: false });
        await this.#follow();
        await this.#sayWhoLeads();
      } catch (error) {
        this.#context.log.error({ err: error }, 'recipe roster not reloaded: it could not be saved');
      }
      return [];
    });
  }

  /** Loads the folder and makes it the farm's roster, unless it has problems and `evenInPart` is not set. */
  async #lead(term: number, options: { complaint: string; evenInPart: boolean }): Promise<Problem[]> {
    const { db, instance, log } = this.#context;
    const first = !this.#ledBefore;
    const { recipes, problems } = await loadRoster(this.#dir);
    if (first && recipes.length === 0) {
      const stored = await rosterState(db);
      if (stored.version > 0 && stored.source !== this.#source) {
        this.#ledBefore = true;
        const remedy = 'reload (SIGHUP) this orchestrator if the farm is to have no recipes';
        log.info(
          { dir: this.#dir, source: stored.source, remedy },
          'recipes folder is empty: the roster of before stays',
        );
        await this.#follow();
        return problems;
      }
    }
    for (const problem of problems) this.#complain(problem, options.complaint);
    if (problems.length > 0 && !options.evenInPart) {
      this.#ledBefore = true;
      await this.#follow();
      return problems;
    }
    const version = await saveRoster(db, recipes, { instance, term, source: this.#source });
    if (version === null) {
      await this.#sayWhoLeads();
      await this.#follow();
      return problems;
    }
    this.#ledBefore = true;
    this.#use(recipes, version);
    return problems;
  }

  /** Takes the stored roster where it is another one. */
  async #follow(): Promise<void> {
    const { db } = this.#context;
    if ((await rosterState(db)).version === this.#version) return;
    const { recipes, version } = await readRoster(db);
    this.#use(recipes, version);
  }

  #use(recipes: CompiledRecipe[], version: number): void {
    this.#recipes = recipes;
    this.#byName = new Map(recipes.map((recipe) => [recipe.name, recipe]));
    this.#version = version;
    this.#context.bus.publish(SUBJECTS.roster, {});
    this.#context.log.info({ count: recipes.length }, 'recipe roster loaded');
  }

  async #sayWhoLeads(): Promise<void> {
    const { db, log } = this.#context;
    const [{ source }, leads] = [await rosterState(db), await leader(db)];
    const remedy = 'change the recipes there, and reload (SIGHUP) the orchestrator that leads';
    log.warn({ leader: leads, source, remedy }, 'recipe roster not reloaded: another orchestrator leads');
  }

  #complain(problem: Problem, what: string): void {
    const { file, line, column, path, fix } = problem;
    this.#context.log.error({ file, line, column, path, fix }, `${what}: ${formatProblem(problem)}`);
  }

  /** Two reloads at once would race for the end; the second waits for the first. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return await turn;
  }
}

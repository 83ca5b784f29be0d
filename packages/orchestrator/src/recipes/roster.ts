import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import type { Logger } from '@kiln/service/log.ts';
import { formatProblem, type Problem } from '@kiln/service/problem.ts';
import type { Bus } from '@kiln/store/bus.ts';
import type { Database } from '@kiln/store/database.ts';
import { saveRoster } from '@kiln/store/recipes.ts';
import { loadRoster } from './loader.ts';

/**
 * The recipes that this orchestrator works by. At the start a bad recipe is left out and the good ones are loaded; at a
 * reload any problem keeps the whole roster of before, so a slip in one file never takes a recipe away.
 */
export class Roster {
  readonly #dir: string;
  readonly #db: Database;
  readonly #bus: Bus;
  readonly #log: Logger;
  #recipes: CompiledRecipe[] = [];
  #byName = new Map<string, CompiledRecipe>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: { dir: string; db: Database; bus: Bus; log: Logger }) {
    this.#dir = options.dir;
    this.#db = options.db;
    this.#bus = options.bus;
    this.#log = options.log;
  }

  /** In the order of the recipes folder. */
  all(): CompiledRecipe[] {
    return this.#recipes;
  }

  get(name: string): CompiledRecipe | undefined {
    return this.#byName.get(name);
  }

  /** The first load. Logs each problem with its file and line, and returns them. Throws when the database can't take the roster. */
  async load(): Promise<Problem[]> {
    return await this.#inTurn(async () => {
      const { recipes, problems } = await loadRoster(this.#dir);
      for (const problem of problems) this.#complain(problem, 'recipe left out');
      await this.#use(recipes);
      return problems;
    });
  }

  /** Loads again. With any problem, or a database that does not answer, the roster stays as it is and an error says why. */
  async reload(): Promise<Problem[]> {
    return await this.#inTurn(async () => {
      const { recipes, problems } = await loadRoster(this.#dir);
      for (const problem of problems) this.#complain(problem, 'recipe roster not reloaded');
      if (problems.length > 0) return problems;
      try {
        await this.#use(recipes);
      } catch (error) {
        this.#log.error({ err: error }, 'recipe roster not reloaded: it could not be saved');
      }
      return problems;
    });
  }

  async #use(recipes: CompiledRecipe[]): Promise<void> {
    await saveRoster(this.#db, recipes);
    this.#recipes = recipes;
    this.#byName = new Map(recipes.map((recipe) => [recipe.name, recipe]));
    this.#bus.publish(SUBJECTS.roster, {});
    this.#log.info({ count: recipes.length }, 'recipe roster loaded');
  }

  #complain(problem: Problem, what: string): void {
    const { file, line, column, path, fix } = problem;
    this.#log.error({ file, line, column, path, fix }, `${what}: ${formatProblem(problem)}`);
  }

  /** Two reloads at once would race for the end; the second waits for the first. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return await turn;
  }
}

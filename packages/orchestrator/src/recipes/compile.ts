import type { CompiledJob, CompiledPhase, CompiledRecipe, CompiledStep } from '@kiln/protocol/compiled.ts';
import { durationMs } from '@kiln/protocol/duration.ts';
import type { Job, Phase, Recipe, Step, Trigger } from '@kiln/protocol/recipe.ts';
import { BACKOFF_SECONDS } from '@kiln/protocol/states.ts';
import { normalizeRepository, repositoryOf, resolveGit } from './git-address.ts';
import { type Combination, jobName, matrixEnvironment, unfold } from './matrix.ts';
import { anchored } from './tags.ts';

const DEFAULT_TIMEOUT_MS = 3_600_000;
const DEFAULT_POLL_MS = 900_000;
const DEFAULT_LOG_LIMIT = 10 * 1024 ** 3;
const LONGEST_STEP_NAME = 60;
/** Name of the job, and of its phase, in a recipe that names neither. */
const ONLY = 'build';

/**
 * Writes a recipe out: short forms expanded, matrices unfolded, defaults filled in. `name` is what the recipe is called
 * when it does not say; relative upstream paths are seen from `folder`. Expects a recipe that passed its checks; of any
 * other it makes something, but never throws.
 */
export function compileRecipe(recipe: Recipe, name: string, folder: string): CompiledRecipe {
  return {
    name: recipe.name ?? name,
    description: recipe.description ?? '',
    upstream: compileUpstream(recipe, folder),
    triggers: recipe.triggers ?? defaultTriggers(recipe),
    priority: recipe.priority ?? 0,
    concurrency: recipe.concurrency ?? null,
    retries: {
      max: recipe.retries?.max ?? null,
      backoffSeconds: recipe.retries?.backoff?.map((wait) => durationMs(wait) / 1000) ?? [...BACKOFF_SECONDS],
    },
    jobs: compileJobs(recipe),
    publish: recipe.publish
      ? {
          repository: recipe.publish.repository ?? 'main',
          package: recipe.publish.package ?? recipe.name ?? name,
          files: recipe.publish.files ?? ['**'],
          keep: recipe.publish.keep ?? 1,
        }
      : null,
  };
}

/** The jobs of a recipe by name; the steps of a recipe without `jobs` are one job called build. */
export function jobsOf(recipe: Recipe): Record<string, Job> {
  const shared: Job = {
    ...(recipe['runs-on'] === undefined ? {} : { 'runs-on': recipe['runs-on'] }),
    ...(recipe.timeout === undefined ? {} : { timeout: recipe.timeout }),
  };
  if (recipe.jobs) {
    return Object.fromEntries(Object.entries(recipe.jobs).map(([name, job]) => [name, { ...shared, ...job }]));
  }
  return {
    [ONLY]: {
      ...shared,
      ...(recipe.phases ? { phases: recipe.phases } : {}),
      ...(recipe.steps ? { steps: recipe.steps } : {}),
      ...(recipe.artifacts ? { artifacts: recipe.artifacts } : {}),
    },
  };
}

/** A value that may be written alone or as a list, as a list without repeats. */
export function listOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [...new Set(typeof value === 'string' ? [value] : value)];
}

/** The label with `${MATRIX_…}` replaced by the values of the combination. */
export function fillLabel(label: string, combination: Combination): string {
  const values = matrixEnvironment(combination);
  return label.replace(/\$\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

function compileUpstream({ upstream }: Recipe, folder: string): CompiledRecipe['upstream'] {
  if (!upstream) return null;
  const poll = upstream.poll ?? DEFAULT_POLL_MS / 1000;
  return {
    git: resolveGit(upstream.git, folder),
    tags: upstream.tags === undefined ? null : anchored(upstream.tags),
    versionTemplate: upstream.version ?? '${version}',
    minVersion: upstream.min_version ?? null,
    pollMs: poll === false ? null : durationMs(poll),
    jitter: upstream.jitter ?? 0.1,
    webhook: upstream.webhook ?? true,
    repository:
      upstream.repository === undefined ? repositoryOf(upstream.git) : normalizeRepository(upstream.repository),
    firstSight: firstSight(upstream.first_sight ?? 'newest'),
  };
}

function firstSight(value: 'newest' | 'all' | number): number | null {
  if (value === 'newest') return 1;
  return value === 'all' ? null : value;
}

function defaultTriggers({ upstream }: Recipe): Trigger[] {
  return upstream?.tags === undefined ? ['manual'] : ['tag', 'manual'];
}

function compileJobs(recipe: Recipe): CompiledJob[] {
  const jobs = jobsOf(recipe);
  const unfolded = Object.entries(jobs).map(([name, job]) => ({ name, job, combinations: unfold(job.matrix) }));
  const compiledNames = new Map(
    unfolded.map(({ name, combinations }) => [name, combinations.map((combination) => jobName(name, combination))]),
  );
  return unfolded.flatMap(({ name, job, combinations }) =>
    combinations.map(
      (combination): CompiledJob => ({
        name: jobName(name, combination),
        needs: listOf(job.needs).flatMap((need) => compiledNames.get(need) ?? []),
        labels: listOf(job['runs-on']).map((label) => fillLabel(label, combination)),
        environment: {
          ...environmentOf(recipe.environment),
          ...environmentOf(job.environment),
          ...matrixEnvironment(combination),
        },
        secrets: [...new Set(job.secrets)],
        checkout: job.checkout ?? recipe.upstream !== undefined,
        timeoutMs: job.timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(job.timeout),
        phases: phasesOf(job).map(compilePhase),
        artifacts: [...new Set(job.artifacts)],
        logLimitBytes: job.log_limit ?? DEFAULT_LOG_LIMIT,
      }),
    ),
  );
}

function phasesOf({ phases, steps }: Job): Phase[] {
  return phases ?? (steps ? [{ name: ONLY, steps }] : []);
}

function compilePhase({ name, weight, steps }: Phase): CompiledPhase {
  return { name, weight: weight ?? 1, steps: steps.map(compileStep) };
}

function compileStep(step: Step): CompiledStep {
  const long = typeof step === 'string' ? { run: step } : step;
  return {
    name: long.name ?? stepName(long.run),
    run: long.run,
    shell: long.shell ?? 'sh',
    workingDirectory: long.working_directory ?? null,
    environment: environmentOf(long.environment),
    timeoutMs: long.timeout === undefined ? null : durationMs(long.timeout),
    continueOnError: long.continue_on_error ?? false,
    always: long.always ?? false,
  };
}

function stepName(run: string): string {
  const [line = ''] = run.trim().split('\n');
  const characters = [...line.trim()];
  return characters.length > LONGEST_STEP_NAME
    ? `${characters.slice(0, LONGEST_STEP_NAME - 1).join('')}…`
    : characters.join('');
}

function environmentOf(values: Recipe['environment']): Record<string, string> {
  return Object.fromEntries(Object.entries(values ?? {}).map(([name, value]) => [name, String(value)]));
}

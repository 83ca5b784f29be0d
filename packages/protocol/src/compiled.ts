import Type, { type Static } from 'typebox';
import { Trigger, Upstream } from './recipe.ts';

/**
 * A recipe with every default filled in and every short form written out. The loader makes it from a `Recipe`, the
 * roster and the runs keep it, the agent gets its jobs. Times are milliseconds.
 */

export const CompiledStep = Type.Object({
  name: Type.String(),
  run: Type.String(),
  shell: Type.Union([Type.Literal('sh'), Type.Literal('bash')]),
  workingDirectory: Type.Union([Type.String(), Type.Null()]),
  environment: Type.Record(Type.String(), Type.String()),
  timeoutMs: Type.Union([Type.Number(), Type.Null()]),
  continueOnError: Type.Boolean(),
  always: Type.Boolean(),
});
export type CompiledStep = Static<typeof CompiledStep>;

export const CompiledPhase = Type.Object({
  name: Type.String(),
  weight: Type.Number(),
  steps: Type.Array(CompiledStep),
});
export type CompiledPhase = Static<typeof CompiledPhase>;

/** One job after the matrix was unfolded: `name` is unique in the run, such as `test` or `test (node=24)`. */
export const CompiledJob = Type.Object({
  name: Type.String(),
  /** Names of compiled jobs that must be completed first. */
  needs: Type.Array(Type.String()),
  labels: Type.Array(Type.String()),
  environment: Type.Record(Type.String(), Type.String()),
  secrets: Type.Array(Type.String()),
  checkout: Type.Boolean(),
  timeoutMs: Type.Number(),
  phases: Type.Array(CompiledPhase),
  artifacts: Type.Array(Type.String()),
  logLimitBytes: Type.Number(),
});
export type CompiledJob = Static<typeof CompiledJob>;

export const CompiledPublish = Type.Object({
  repository: Type.String(),
  package: Type.String(),
  files: Type.Array(Type.String()),
  keep: Type.Integer(),
});
export type CompiledPublish = Static<typeof CompiledPublish>;

export const CompiledRecipe = Type.Object({
  name: Type.String(),
  description: Type.String(),
  upstream: Type.Union([
    Type.Object({
      git: Upstream.properties.git,
      /** Anchored expression, or null when tags are not watched. */
      tags: Type.Union([Type.String(), Type.Null()]),
      versionTemplate: Type.String(),
      minVersion: Type.Union([Type.String(), Type.Null()]),
      /** Null: never polled by the clock. */
      pollMs: Type.Union([Type.Number(), Type.Null()]),
      jitter: Type.Number(),
      webhook: Type.Boolean(),
      /** `owner/name` in lower case, by which webhooks are matched. */
      repository: Type.Union([Type.String(), Type.Null()]),
      /** How many of the newest versions are built on first sight; null: all. */
      firstSight: Type.Union([Type.Integer(), Type.Null()]),
    }),
    Type.Null(),
  ]),
  triggers: Type.Array(Trigger),
  priority: Type.Integer(),
  concurrency: Type.Union([Type.Integer(), Type.Null()]),
  retries: Type.Object({ max: Type.Union([Type.Integer(), Type.Null()]), backoffSeconds: Type.Array(Type.Number()) }),
  jobs: Type.Array(CompiledJob),
  publish: Type.Union([CompiledPublish, Type.Null()]),
});
export type CompiledRecipe = Static<typeof CompiledRecipe>;

import Type, { type Static } from 'typebox';

/** A recipe: what to watch, what to run and what to publish. The source of its type, its validation and its JSON Schema. */

const Name = Type.String({
  pattern: '^[a-z0-9][a-z0-9._+-]{0,62}$',
  description: 'Lower-case letters, digits and . _ + -, at most 63 characters',
});

/** A length of time: a number with a unit (`500ms`, `90s`, `15m`, `6h`, `1d`), or a plain number of seconds. */
export const Duration = Type.Union([
  Type.String({
    pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$',
    description: 'A number with a unit: 500ms, 90s, 15m, 6h, 1d',
  }),
  Type.Number({ minimum: 0, description: 'Seconds' }),
]);
export type Duration = Static<typeof Duration>;

const Environment = Type.Record(
  Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
  Type.Union([Type.String(), Type.Number(), Type.Boolean()]),
  {
    additionalProperties: false,
    description: 'Environment variables: names to values',
  },
);

export const Upstream = Type.Object(
  {
    git: Type.String({
      minLength: 1,
      description: 'Address of the git repository: https, http, ssh, git, file, or a local path',
    }),
    tags: Type.Optional(
      Type.String({
        description:
          'Regular expression that a whole tag name must match. The named group `version` gives the version; without it the whole match does. Other named groups can be used in `version`',
        examples: ['v(?<version>\\d+\\.\\d+\\.\\d+)', 'release-(?<major>\\d+)_(?<minor>\\d+)'],
      }),
    ),
    version: Type.Optional(
      Type.String({
        description:
          'How the version is put together from the named groups, such as `${major}.${minor}-1`. Default: `${version}`',
      }),
    ),
    min_version: Type.Optional(Type.String({ description: 'Versions lower than this are never built' })),
    poll: Type.Optional(
      Type.Union([Duration, Type.Literal(false)], {
        description: 'Time between two looks at the tags; false: only webhooks. Default 15m',
      }),
    ),
    jitter: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'The part of `poll` by which each wait may differ, so that many recipes do not ask at once. Default 0.1',
      }),
    ),
    webhook: Type.Optional(
      Type.Boolean({ description: 'Whether webhooks about this repository make Kiln look at once. Default true' }),
    ),
    repository: Type.Optional(
      Type.String({
        description: 'Name by which webhooks call this repository (`owner/name`). Default: taken from `git`',
      }),
    ),
    first_sight: Type.Optional(
      Type.Union([Type.Literal('newest'), Type.Literal('all'), Type.Integer({ minimum: 1 })], {
        description:
          'What is built when the repository is seen for the first time: only the newest version (default), the newest N, or all of them',
      }),
    ),
  },
  { additionalProperties: false, description: 'The git repository that the recipe watches' },
);
export type Upstream = Static<typeof Upstream>;

export const Trigger = Type.Union(
  [
    Type.Literal('tag', { description: 'A new tag that `upstream.tags` matches' }),
    Type.Literal('manual', { description: 'A person, with `kiln run` or the dashboard' }),
    Type.Object(
      { push: Type.String({ description: 'Name of the branch, or a pattern with *' }) },
      { additionalProperties: false, description: 'A push to a branch' },
    ),
    Type.Object(
      {
        schedule: Type.String({ description: 'A cron expression: minute hour day month weekday' }),
        timezone: Type.Optional(Type.String({ description: 'Such as Europe/Berlin. Default UTC' })),
      },
      { additionalProperties: false, description: 'A time of the clock' },
    ),
    Type.Object(
      { after: Type.String({ description: 'Name of another recipe' }) },
      { additionalProperties: false, description: 'The success of another recipe' },
    ),
  ],
  { description: 'What starts a run' },
);
export type Trigger = Static<typeof Trigger>;

export const Step = Type.Union([
  Type.String({ description: 'A command, run by `sh -e`' }),
  Type.Object(
    {
      name: Type.Optional(
        Type.String({
          maxLength: 200,
          description: 'What the log and the dashboard call it. Default: the first line of the command',
        }),
      ),
      run: Type.String({ description: 'The command, run by `shell`' }),
      shell: Type.Optional(
        Type.Union([Type.Literal('sh'), Type.Literal('bash')], {
          description: 'sh (default, with -e) or bash (with -e -o pipefail)',
        }),
      ),
      working_directory: Type.Optional(
        Type.String({ description: 'Folder to run in, inside the workspace. Default: the checkout' }),
      ),
      environment: Type.Optional(Environment),
      timeout: Type.Optional(
        Type.Union([Duration], { description: 'Limit for this step. Default: only that of the job' }),
      ),
      continue_on_error: Type.Optional(
        Type.Boolean({ description: 'Whether the job goes on when the command fails. Default false' }),
      ),
      always: Type.Optional(
        Type.Boolean({
          description: 'Whether it also runs after an earlier step failed (for cleaning up). Default false',
        }),
      ),
    },
    { additionalProperties: false },
  ),
]);
export type Step = Static<typeof Step>;

export const Phase = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 63, description: 'What the dashboard calls it' }),
    weight: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1_000_000,
        description: 'Its share of the progress bar against the other phases. Default 1',
      }),
    ),
    steps: Type.Array(Step, { minItems: 1, description: 'Commands, one after the other' }),
  },
  { additionalProperties: false },
);
export type Phase = Static<typeof Phase>;

const MatrixValue = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);

export const Job = Type.Object(
  {
    needs: Type.Optional(Type.Union([Name, Type.Array(Name)], { description: 'Jobs that must be completed first' })),
    'runs-on': Type.Optional(
      Type.Union([Type.String(), Type.Array(Type.String())], {
        description: 'Labels that an agent must have, all of them. `${MATRIX_OS}` stands for a value of the matrix',
      }),
    ),
    matrix: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z_][a-z0-9_]*$' }), Type.Array(MatrixValue, { minItems: 1 }), {
        additionalProperties: false,
        description: 'One job for each combination; each value is in the environment as MATRIX_<NAME>',
      }),
    ),
    environment: Type.Optional(Environment),
    secrets: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$', description: 'Letters, digits and _' }), {
        description: "Names of variables of the agent's own environment that the steps get, masked in the log",
      }),
    ),
    checkout: Type.Optional(
      Type.Boolean({
        description:
          'Whether the upstream is checked out before the first step. Default true where there is an upstream',
      }),
    ),
    timeout: Type.Optional(Type.Union([Duration], { description: 'Limit for one attempt. Default 1h' })),
    phases: Type.Optional(Type.Array(Phase, { minItems: 1, description: 'Named stages with their steps' })),
    steps: Type.Optional(
      Type.Array(Step, {
        minItems: 1,
        description: 'Steps of a job that needs no stages: the same as one phase called build',
      }),
    ),
    artifacts: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: 'Patterns of files to keep, from the checkout, such as out/*.tar.gz',
      }),
    ),
    log_limit: Type.Optional(
      Type.Integer({
        minimum: 1024,
        description: 'Bytes of log after which the rest is cut, with a visible mark. Default 10 GiB',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Job = Static<typeof Job>;

export const Recipe = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    name: Type.Optional(
      Type.Union([Name], { description: 'What the recipe is called. Default: the name of its file without extension' }),
    ),
    description: Type.Optional(Type.String({ description: 'One sentence for the dashboard' })),
    upstream: Type.Optional(Upstream),
    triggers: Type.Optional(
      Type.Array(Trigger, {
        description: 'What starts a run. Default: tag (where there is an upstream with `tags`) and manual',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -100,
        maximum: 100,
        description: 'Higher goes first; within one priority the older goes first. Default 0',
      }),
    ),
    concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'How many runs of this recipe may be in progress at once. Default: no limit',
      }),
    ),
    retries: Type.Optional(
      Type.Object(
        {
          max: Type.Optional(
            Type.Integer({
              minimum: 0,
              description:
                'Tries after the first one. Default: no limit, so a failing version is tried once a day in the end',
            }),
          ),
          backoff: Type.Optional(
            Type.Array(Duration, {
              minItems: 1,
              description: 'Waits before each try; the last repeats. Default 1m, 5m, 15m, 1h, 6h, 24h',
            }),
          ),
        },
        { additionalProperties: false, description: 'When a failed run is tried again' },
      ),
    ),
    environment: Type.Optional(Environment),
    jobs: Type.Optional(Type.Record(Name, Job, { additionalProperties: false, description: 'Jobs by name' })),
    'runs-on': Type.Optional(Job.properties['runs-on']),
    phases: Type.Optional(Job.properties.phases),
    steps: Type.Optional(Job.properties.steps),
    artifacts: Type.Optional(Job.properties.artifacts),
    timeout: Type.Optional(Job.properties.timeout),
    publish: Type.Optional(
      Type.Object(
        {
          repository: Type.Optional(
            Type.Union(
              [Type.String({ pattern: '^[a-z0-9][a-z0-9._-]*$', description: 'Lower-case letters, digits and . _ -' })],
              { description: 'Name of the repository. Default main' },
            ),
          ),
          package: Type.Optional(
            Type.Union(
              [
                Type.String({
                  pattern: '^[a-z0-9][a-z0-9._+-]*$',
                  description: 'Lower-case letters, digits and . _ + -',
                }),
              ],
              { description: "Name of the package. Default: the recipe's" },
            ),
          ),
          files: Type.Optional(
            Type.Array(Type.String({ minLength: 1 }), {
              description: 'Patterns of artifacts to publish. Default: all of them',
            }),
          ),
          keep: Type.Optional(
            Type.Integer({
              minimum: 1,
              description:
                'How many of the highest versions the active view shows. Default 1; the archive keeps everything',
            }),
          ),
        },
        { additionalProperties: false, description: 'What goes to a repository when the run succeeds' },
      ),
    ),
  },
  { additionalProperties: false, title: 'Kiln recipe' },
);
export type Recipe = Static<typeof Recipe>;

/** Gives a recipe file in TypeScript its types: `export default defineRecipe({ … })`. */
export function defineRecipe(recipe: Recipe): Recipe {
  return recipe;
}

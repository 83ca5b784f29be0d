import Type, { type Static } from 'typebox';
import { Duration } from './recipe.ts';

const HTTP_ADDRESS = '^https?://[^\\s?#]+$';

/** A forge that is told how the runs for its commits go. */
export const Forge = Type.Object(
  {
    kind: Type.Union([Type.Literal('github'), Type.Literal('gitea'), Type.Literal('gitlab')], {
      description: 'What it is; `gitea` is for Forgejo too',
    }),
    url: Type.String({
      pattern: HTTP_ADDRESS,
      description: 'Address that begins with https:// or http://, such as https://github.com',
    }),
    api: Type.Optional(
      Type.String({
        pattern: HTTP_ADDRESS,
        description:
          'Base address of its API. Default: https://api.github.com for github.com; else `url` with /api/v3 (github), /api/v1 (gitea) or /api/v4 (gitlab)',
      }),
    ),
    ssh_host: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9.:_-]+$',
        description: 'Host in the ssh addresses of its repositories, where that is not the host of `url`',
      }),
    ),
    token_file: Type.String({
      minLength: 1,
      description: 'File with a token that may write commit statuses. Read at each use, so a new one holds at once',
    }),
    report: Type.Optional(
      Type.Union([Type.Literal('status'), Type.Literal('check-run')], {
        description:
          'Only for github: `status` (default) with any token, `check-run` with the installation token of a GitHub App',
      }),
    ),
  },
  { additionalProperties: false },
);
export type Forge = Static<typeof Forge>;

/**
 * `kiln.yaml`: the source of its type, its validation, its JSON Schema and its reference page. Every key can be set by
 * the environment: the path in capitals, joined by `_`, after `KILN_` (`http.addr` is `KILN_HTTP_ADDR`).
 * Relative paths are taken from the folder of the file.
 */
export const Config = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    farm_id: Type.Optional(
      Type.String({
        default: 'kiln',
        minLength: 1,
        maxLength: 63,
        description: 'Name of this farm in /status, logs and metrics',
      }),
    ),
    recipes_dir: Type.Optional(
      Type.String({ default: 'recipes', description: 'Folder of the recipes: one .yaml, .yml or .ts file each' }),
    ),
    http: Type.Optional(
      Type.Object(
        {
          addr: Type.Optional(
            Type.String({
              description:
                'host:port of the dashboard, the API and the webhooks. Not set: nothing listens, watching and building go on',
              examples: ['127.0.0.1:10142', '0.0.0.0:10142'],
            }),
          ),
          trust_proxy: Type.Optional(
            Type.Boolean({ default: false, description: 'Whether X-Forwarded-* of the connecting proxy are believed' }),
          ),
          base_path: Type.Optional(
            Type.String({
              default: '',
              pattern: '^(/[A-Za-z0-9._-]+)*$',
              description: 'Sub-path under which a proxy serves Kiln, such as /kiln',
            }),
          ),
          public_url: Type.Optional(
            Type.String({
              description:
                'Address at which people open the dashboard, with the sub-path if there is one: for links in commit statuses. Not set: they have none',
              examples: ['https://build.example.com'],
            }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    orchestrator: Type.Optional(
      Type.Object(
        {
          addr: Type.Optional(
            Type.String({ default: '127.0.0.1:10143', description: 'host:port that agents connect to' }),
          ),
          parallel_polls: Type.Optional(
            Type.Integer({ default: 8, minimum: 1, description: 'How many upstreams are asked at once' }),
          ),
          poll_timeout: Type.Optional(
            Type.Union([Duration], { default: '2m', description: 'How long one upstream may take to list its tags' }),
          ),
          lost_agent_grace: Type.Optional(
            Type.Union([Duration], { default: '60s', description: 'How long a silent agent keeps its jobs' }),
          ),
          lost_agent_attempts: Type.Optional(
            Type.Integer({
              default: 3,
              minimum: 1,
              description: 'How many attempts a job gets when its agents are lost',
            }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    agent: Type.Optional(
      Type.Object(
        {
          orchestrator: Type.Optional(
            Type.String({
              description: "Address of the orchestrator, ws://host:port or wss://. Default: this process's own farm",
            }),
          ),
          addr: Type.Optional(
            Type.String({
              default: '127.0.0.1:8080',
              description: 'host:port of its /health, /ready and /metrics; empty: none',
            }),
          ),
          name: Type.Optional(
            Type.String({ minLength: 1, maxLength: 253, description: 'Name of the agent. Default: the host name' }),
          ),
          slots: Type.Optional(
            Type.Integer({ default: 2, minimum: 1, maximum: 256, description: 'How many jobs it runs at once' }),
          ),
          labels: Type.Optional(
            Type.Array(
              Type.String({
                pattern: '^(?!(kiln|host|os|arch|agent|pool):)[A-Za-z0-9][A-Za-z0-9._:/-]*$',
                description:
                  "Letters, digits and . _ : / -; the prefixes kiln: host: os: arch: agent: pool: are Kiln's own",
              }),
              { default: [], description: 'Labels beside those that Kiln gives' },
            ),
          ),
          forward_log: Type.Optional(
            Type.Boolean({
              default: true,
              description:
                "Whether the orchestrator prints this agent's own log among its own, too. false: it is collected where the agent runs",
            }),
          ),
          spool_limit: Type.Optional(
            Type.Integer({
              default: 268_435_456,
              minimum: 0,
              description:
                'Bytes of log a job may keep on disk while the orchestrator does not answer; then its output waits',
            }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    database: Type.Optional(
      Type.Object(
        {
          url: Type.Optional(
            Type.String({
              description:
                'A PostgreSQL 15 or later, postgres://…. Not set: the embedded one, under the data directory',
            }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    repositories_dir: Type.Optional(
      Type.String({
        description: 'Folder of the published repositories. Default: repositories under the data directory',
      }),
    ),
    repositories_bucket: Type.Optional(
      Type.String({
        description:
          'Bucket that the published repositories are copied to, so that it can serve them. It is reached as `blobs` says. Not set: none',
        examples: ['s3://packages', 's3://packages/farm-1'],
      }),
    ),
    blobs: Type.Optional(
      Type.Object(
        {
          url: Type.Optional(
            Type.String({
              description: 'Folder or bucket of finished logs and other bulk. Default: blobs under the data directory',
              examples: ['/srv/kiln/blobs', 's3://kiln', 's3://kiln/farm-1'],
            }),
          ),
          endpoint: Type.Optional(
            Type.String({
              description:
                "Address of the S3 service, such as https://minio.example.com:9000. Default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, else Amazon's",
            }),
          ),
          region: Type.Optional(
            Type.String({
              pattern: '^[A-Za-z0-9-]+$',
              description: 'Region of the bucket. Default: AWS_REGION or AWS_DEFAULT_REGION, else us-east-1',
            }),
          ),
          access_key_file: Type.Optional(
            Type.String({
              description: 'File with the access key id. Default: AWS_ACCESS_KEY_ID. Read again when it changes',
            }),
          ),
          secret_key_file: Type.Optional(
            Type.String({ description: 'File with the secret access key. Default: AWS_SECRET_ACCESS_KEY' }),
          ),
          path_style: Type.Optional(
            Type.Boolean({
              description:
                'Whether the bucket is in the path of an address (true), or in its host name. Default: true with an endpoint',
            }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    retention: Type.Optional(
      Type.Object(
        {
          logs_full: Type.Optional(
            Type.Union([Duration], {
              default: '30d',
              description: 'How long after its end the log of a job is kept as it is; then it is packed tighter',
            }),
          ),
          logs_archived: Type.Optional(
            Type.Union([Duration], {
              default: '90d',
              description: 'How long after its end the log of a job is kept at all',
            }),
          ),
          staging: Type.Optional(
            Type.Union([Duration], {
              default: '7d',
              description: 'How long after its end the outputs of a run are kept that will not be published',
            }),
          ),
        },
        { additionalProperties: false, default: {}, description: 'How long things are kept' },
      ),
    ),
    webhooks: Type.Optional(
      Type.Object(
        {
          github_secret_file: Type.Optional(Type.String({ description: 'File with the secret of GitHub webhooks' })),
          gitea_secret_file: Type.Optional(
            Type.String({ description: 'File with the secret of Gitea and Forgejo webhooks' }),
          ),
          gitlab_token_file: Type.Optional(Type.String({ description: 'File with the token of GitLab webhooks' })),
          generic_secret_file: Type.Optional(
            Type.String({ description: 'File with the secret of any other source that signs with HMAC-SHA256' }),
          ),
          body_limit: Type.Optional(
            Type.Integer({ default: 5_242_880, minimum: 1024, description: 'Largest body in bytes' }),
          ),
        },
        {
          additionalProperties: false,
          default: {},
          description: 'Secrets of webhooks. A source without a secret is refused',
        },
      ),
    ),
    forges: Type.Optional(
      Type.Array(Forge, {
        default: [],
        description: 'Forges that are told how the runs for their commits go. In the variable: JSON',
      }),
    ),
    telemetry: Type.Optional(
      Type.Object(
        {
          otlp_endpoint: Type.Optional(
            Type.String({
              description:
                'Base address of an OTLP/HTTP receiver for traces, such as http://127.0.0.1:4318. Not set: none are sent',
            }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    metrics: Type.Optional(
      Type.Object(
        {
          url: Type.Optional(
            Type.String({
              description:
                'Base address of a metrics store with the query API of Prometheus that the heartbeats of the hosts reach: charts of units come from there. Not set: from what Kiln keeps itself',
              examples: ['http://127.0.0.1:8428', 'https://metrics.example.com/prometheus'],
            }),
          ),
          token_file: Type.Optional(
            Type.String({ description: 'File with a token for its queries, sent as Bearer. Read at each use' }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
    log: Type.Optional(
      Type.Object(
        {
          level: Type.Optional(
            Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')], {
              default: 'info',
              description: 'The least important lines that are written',
            }),
          ),
          format: Type.Optional(
            Type.Union([Type.Literal('json'), Type.Literal('logfmt'), Type.Literal('pretty')], {
              description: 'Default: pretty on a terminal, json otherwise',
            }),
          ),
        },
        { additionalProperties: false, default: {} },
      ),
    ),
  },
  { additionalProperties: false, title: 'Kiln configuration' },
);
export type Config = Static<typeof Config>;

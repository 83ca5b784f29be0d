import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { type BlobsPlace, type BucketPlace, bucketOf, isBucket, type S3Access } from './config-blobs.ts';
import { type ForgeConfig, resolveForges } from './config-forges.ts';
import { readConfig } from './config-read.ts';
import { Settings } from './config-settings.ts';
import type { LogFormat, LogLevel } from './log.ts';
import type { Problem } from './problem.ts';

/** The configuration with every default filled in. Durations in ms, sizes in bytes, paths absolute. */
export interface ResolvedConfig {
  /** The file that was read, or null when there is none. */
  file: string | null;
  dataDir: string;
  farmId: string;
  recipesDir: string;
  /** `addr` null: nothing listens. */
  http: {
    addr: string | null;
    trustProxy: boolean;
    basePath: string;
    /** Where people open the dashboard, without a slash at the end; null: nobody said. */
    publicUrl: string | null;
  };
  orchestrator: {
    addr: string;
    parallelPolls: number;
    pollTimeoutMs: number;
    lostAgentGraceMs: number;
    lostAgentAttempts: number;
  };
  agent: {
    /** Null: this process's own farm. */
    orchestrator: string | null;
    addr: string | null;
    name: string;
    slots: number;
    labels: string[];
    forwardLog: boolean;
    spoolLimit: number;
  };
  /** `url` null: the embedded PostgreSQL. */
  database: { url: string | null };
  repositoriesDir: string;
  /** Where repositories are copied to; null: nowhere. */
  repositoriesBucket: BucketPlace | null;
  blobs: BlobsPlace;
  /** For buckets. */
  s3: S3Access;
  stagingDir: string;
  /** How long things are kept after the end of a job or a run. */
  retention: { logsFullMs: number; logsArchivedMs: number; stagingMs: number };
  webhooks: {
    githubSecretFile: string | null;
    giteaSecretFile: string | null;
    gitlabTokenFile: string | null;
    genericSecretFile: string | null;
    bodyLimit: number;
  };
  /** Forges that are told about runs for their commits. */
  forges: ForgeConfig[];
  telemetry: { otlpEndpoint: string | null };
  /** Where charts of hosts are asked for, without a slash at the end. `url` null: Kiln draws what it keeps itself. */
  metrics: { url: string | null; tokenFile: string | null };
  /** `format` null: pretty on a terminal, json otherwise. */
  log: { level: LogLevel; format: LogFormat | null };
}

export interface ConfigSources {
  /** Folder of everything that Kiln keeps. */
  dataDir: string;
  /** The file to read, which must exist. Default: kiln.yaml in the data directory, if it is there. */
  file?: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** From the command line, by dotted key (`{'http.addr': '127.0.0.1:0'}`); undefined ones are ignored. */
  overrides?: Readonly<Record<string, string | number | boolean | string[] | undefined>>;
}

/** The configuration has mistakes; the message lists each with its file, line and remedy. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.problems = problems;
  }
}

/**
 * Reads the configuration: the command line over the environment over the file over the defaults. Throws ConfigError.
 * Relative paths are taken from the folder of the file (without a file: the data directory), those of the command line
 * from the current folder.
 */
export async function loadConfig(sources: ConfigSources): Promise<ResolvedConfig> {
  const { file, base, settings, problems } = await readConfig(sources);
  if (problems.length > 0) throw new ConfigError(problems);
  const read = new Settings(settings);
  const dataDir = resolve(sources.dataDir);
  const path = (key: string): string | null => {
    const text = read.optionalText(key);
    const typed = settings.find((setting) => setting.key === key)?.source === 'command line';
    return text === null ? null : typed ? resolve(text) : resolve(base, text);
  };
  const { env } = sources;
  const blobs = read.text('blobs.url');
  const repositoriesBucket = read.optionalText('repositories_bucket');
  const endpoint = read.optionalText('blobs.endpoint') ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL ?? null;
  return {
    file,
    dataDir,
    farmId: read.text('farm_id'),
    recipesDir: path('recipes_dir') ?? join(dataDir, 'recipes'),
    http: {
      addr: read.optionalText('http.addr'),
      trustProxy: read.flag('http.trust_proxy'),
      basePath: read.text('http.base_path'),
      publicUrl: read.optionalText('http.public_url')?.replace(/\/+$/, '') ?? null,
    },
    orchestrator: {
      addr: read.text('orchestrator.addr'),
      parallelPolls: read.number('orchestrator.parallel_polls'),
      pollTimeoutMs: read.duration('orchestrator.poll_timeout'),
      lostAgentGraceMs: read.duration('orchestrator.lost_agent_grace'),
      lostAgentAttempts: read.number('orchestrator.lost_agent_attempts'),
    },
    agent: {
      orchestrator: read.optionalText('agent.orchestrator'),
      addr: read.optionalText('agent.addr'),
      name: read.optionalText('agent.name') ?? hostname(),
      slots: read.number('agent.slots'),
      labels: read.list('agent.labels'),
      forwardLog: read.flag('agent.forward_log'),
      spoolLimit: read.number('agent.spool_limit'),
    },
    database: { url: read.optionalText('database.url') },
    repositoriesDir: path('repositories_dir') ?? join(dataDir, 'repositories'),
    repositoriesBucket: repositoriesBucket === null ? null : bucketOf(repositoriesBucket),
    blobs: isBucket(blobs) ? { bucket: bucketOf(blobs) } : { folder: path('blobs.url') ?? join(dataDir, 'blobs') },
    s3: {
      endpoint: endpoint?.replace(/\/+$/, '') ?? null,
      region: read.optionalText('blobs.region') ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
      accessKeyFile: path('blobs.access_key_file'),
      secretKeyFile: path('blobs.secret_key_file'),
      pathStyle: read.optionalFlag('blobs.path_style') ?? endpoint !== null,
    },
    stagingDir: join(dataDir, 'staging'),
    retention: {
      logsFullMs: read.duration('retention.logs_full'),
      logsArchivedMs: read.duration('retention.logs_archived'),
      stagingMs: read.duration('retention.staging'),
    },
    webhooks: {
      githubSecretFile: path('webhooks.github_secret_file'),
      giteaSecretFile: path('webhooks.gitea_secret_file'),
      gitlabTokenFile: path('webhooks.gitlab_token_file'),
      genericSecretFile: path('webhooks.generic_secret_file'),
      bodyLimit: read.number('webhooks.body_limit'),
    },
    forges: resolveForges(read.mappings('forges'), base),
    telemetry: { otlpEndpoint: read.optionalText('telemetry.otlp_endpoint') },
    metrics: {
      url: read.optionalText('metrics.url')?.replace(/\/+$/, '') ?? null,
      tokenFile: path('metrics.token_file'),
    },
    log: {
      level: read.choice('log.level', ['debug', 'info', 'warn', 'error']) ?? 'info',
      format: read.choice('log.format', ['json', 'logfmt', 'pretty']),
    },
  };
}

function describeProblem({ file, line, message, fix }: Problem): string {
  return `${file}${line === null ? '' : `:${line}`}: ${message}${fix ? `; ${fix}` : ''}`;
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ConfigError, type ConfigSources, loadConfig } from './config.ts';
import { CONFIG_KEYS } from './config-keys.ts';
import { readConfig } from './config-read.ts';

const DAY_MS = 86_400_000;

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kiln-config-'));
});
afterAll(async () => await rm(dataDir, { recursive: true }));
beforeEach(async () => await rm(join(dataDir, 'kiln.yaml'), { force: true }));

const write = async (text: string) => await writeFile(join(dataDir, 'kiln.yaml'), text);
const load = async (sources: Partial<ConfigSources> = {}) => await loadConfig({ dataDir, env: {}, ...sources });
const complaint = async (sources: Partial<ConfigSources> = {}): Promise<string> => {
  const error: unknown = await load(sources).then(
    () => 'accepted',
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, not ${String(error)}`);
  return error.message.replaceAll(`${dataDir}/`, '');
};

test('without a file every default is there, and nothing listens', async () => {
  expect(await load()).toEqual({
    file: null,
    dataDir,
    farmId: 'kiln',
    recipesDir: join(dataDir, 'recipes'),
    http: { addr: null, trustProxy: false, basePath: '', publicUrl: null },
    orchestrator: {
      addr: '127.0.0.1:10143',
      parallelPolls: 8,
      pollTimeoutMs: 120_000,
      lostAgentGraceMs: 60_000,
      lostAgentAttempts: 3,
    },
    agent: {
      orchestrator: null,
      addr: '127.0.0.1:8080',
      name: hostname(),
      slots: 2,
      labels: [],
      forwardLog: true,
      spoolLimit: 268_435_456,
    },
    database: { url: null },
    repositoriesDir: join(dataDir, 'repositories'),
    repositoriesBucket: null,
    blobs: { folder: join(dataDir, 'blobs') },
    s3: { endpoint: null, region: 'us-east-1', accessKeyFile: null, secretKeyFile: null, pathStyle: false },
    stagingDir: join(dataDir, 'staging'),
    webhooks: {
      githubSecretFile: null,
      giteaSecretFile: null,
      gitlabTokenFile: null,
      genericSecretFile: null,
      bodyLimit: 5_242_880,
    },
    forges: [],
    telemetry: { otlpEndpoint: null },
    metrics: { url: null, tokenFile: null },
    retention: { logsFullMs: 30 * DAY_MS, logsArchivedMs: 90 * DAY_MS, stagingMs: 7 * DAY_MS },
    log: { level: 'info', format: null },
  });
});

test('the command line goes over the environment, that over the file, that over the defaults', async () => {
  await write('farm_id: file\nlog: { level: warn, format: json }\nagent: { slots: 5 }\n');
  const env = { KILN_FARM_ID: 'environment', KILN_LOG_LEVEL: 'error' };
  const config = await load({ env, overrides: { farm_id: 'typed', 'http.addr': undefined } });
  expect(config.farmId).toBe('typed');
  expect(config.log).toEqual({ level: 'error', format: 'json' });
  expect(config.agent.slots).toBe(5);
  expect(config.orchestrator.parallelPolls).toBe(8);
});

test('every key can be set by the environment', async () => {
  const env = {
    KILN_FARM_ID: 'f',
    KILN_RECIPES_DIR: '/r',
    KILN_HTTP_ADDR: '0.0.0.0:1',
    KILN_HTTP_TRUST_PROXY: 'true',
    KILN_HTTP_BASE_PATH: '/kiln',
    KILN_HTTP_PUBLIC_URL: 'https://build.example/kiln/',
    KILN_ORCHESTRATOR_ADDR: '[::]:2',
    KILN_ORCHESTRATOR_PARALLEL_POLLS: '3',
    KILN_ORCHESTRATOR_POLL_TIMEOUT: '90',
    KILN_ORCHESTRATOR_LOST_AGENT_GRACE: '1.5m',
    KILN_ORCHESTRATOR_LOST_AGENT_ATTEMPTS: '1',
    KILN_AGENT_ORCHESTRATOR: 'wss://farm:3',
    KILN_AGENT_ADDR: '',
    KILN_AGENT_NAME: 'a',
    KILN_AGENT_SLOTS: '4',
    KILN_AGENT_LABELS: 'gpu, big ,',
    KILN_AGENT_FORWARD_LOG: 'false',
    KILN_AGENT_SPOOL_LIMIT: '0',
    KILN_DATABASE_URL: 'postgres://u:p@h/d',
    KILN_REPOSITORIES_DIR: 'repos',
    KILN_REPOSITORIES_BUCKET: 's3://packages',
    KILN_BLOBS_URL: 's3://kiln/farms/one/',
    KILN_BLOBS_ENDPOINT: 'https://minio.example:9000/',
    KILN_BLOBS_REGION: 'eu-1',
    KILN_BLOBS_ACCESS_KEY_FILE: 's/id',
    KILN_BLOBS_SECRET_KEY_FILE: '/s/secret',
    KILN_BLOBS_PATH_STYLE: 'false',
    KILN_WEBHOOKS_GITHUB_SECRET_FILE: 's/github',
    KILN_WEBHOOKS_GITEA_SECRET_FILE: '/s/gitea',
    KILN_WEBHOOKS_GITLAB_TOKEN_FILE: '/s/gitlab',
    KILN_WEBHOOKS_GENERIC_SECRET_FILE: '/s/generic',
    KILN_WEBHOOKS_BODY_LIMIT: '2048',
    KILN_FORGES: '[{"kind":"github","url":"https://github.com/","token_file":"s/token"}]',
    KILN_TELEMETRY_OTLP_ENDPOINT: 'http://otlp:4318',
    KILN_METRICS_URL: 'http://metrics:8428/',
    KILN_METRICS_TOKEN_FILE: 's/metrics',
    KILN_RETENTION_LOGS_FULL: '7d',
    KILN_RETENTION_LOGS_ARCHIVED: '365d',
    KILN_RETENTION_STAGING: '12h',
    KILN_LOG_LEVEL: 'debug',
    KILN_LOG_FORMAT: 'logfmt',
  };
  expect(Object.keys(env).sort()).toEqual(CONFIG_KEYS.map(({ variable }) => variable).sort());
  const config = await load({ env });
  expect(config).toMatchObject({
    farmId: 'f',
    recipesDir: '/r',
    http: { addr: '0.0.0.0:1', trustProxy: true, basePath: '/kiln', publicUrl: 'https://build.example/kiln' },
    forges: [{ kind: 'github', url: 'https://github.com', tokenFile: join(dataDir, 's/token') }],
    orchestrator: {
      addr: '[::]:2',
      parallelPolls: 3,
      pollTimeoutMs: 90_000,
      lostAgentGraceMs: 90_000,
      lostAgentAttempts: 1,
    },
    agent: {
      orchestrator: 'wss://farm:3',
      addr: null,
      name: 'a',
      slots: 4,
      labels: ['gpu', 'big'],
      forwardLog: false,
      spoolLimit: 0,
    },
    database: { url: 'postgres://u:p@h/d' },
    repositoriesDir: join(dataDir, 'repos'),
    repositoriesBucket: { name: 'packages', prefix: '' },
    blobs: { bucket: { name: 'kiln', prefix: 'farms/one/' } },
    s3: {
      endpoint: 'https://minio.example:9000',
      region: 'eu-1',
      accessKeyFile: join(dataDir, 's/id'),
      secretKeyFile: '/s/secret',
      pathStyle: false,
    },
    telemetry: { otlpEndpoint: 'http://otlp:4318' },
    retention: { logsFullMs: 7 * DAY_MS, logsArchivedMs: 365 * DAY_MS, stagingMs: DAY_MS / 2 },
    metrics: { url: 'http://metrics:8428', tokenFile: join(dataDir, 's/metrics') },
    log: { level: 'debug', format: 'logfmt' },
  });
  expect(config.webhooks).toEqual({
    githubSecretFile: join(dataDir, 's/github'),
    giteaSecretFile: '/s/gitea',
    gitlabTokenFile: '/s/gitlab',
    genericSecretFile: '/s/generic',
    bodyLimit: 2048,
  });
});

test('every key is read from the file too', async () => {
  const read = new Set<string>();
  for (const { key, path, schema } of CONFIG_KEYS) {
    const value = schema.type === 'array' ? '[x]' : (schema.default ?? 'info');
    const keys = path.map((part, depth) => `${'  '.repeat(depth)}${part}:`).join('\n');
    await write(`${keys} ${JSON.stringify(value)}\n`);
    const { settings } = await readConfig({ dataDir, env: {} });
    if (settings.find((setting) => setting.key === key)?.source.includes('kiln.yaml:')) read.add(key);
  }
  expect([...read]).toEqual(CONFIG_KEYS.map(({ key }) => key));
});

test('an unknown key is refused with its line and the nearest right one', async () => {
  await write('farm_id: x\nhttp:\n  addr: 127.0.0.1:1\nlog:\n  level: info\n\nrecipe_dir: r\n');
  expect(await complaint()).toBe('kiln.yaml:7: unknown key "recipe_dir"; did you mean "recipes_dir"?');
  await write('http:\n  adr: 127.0.0.1:1\n');
  expect(await complaint()).toBe('kiln.yaml:2: unknown key "adr"; did you mean "addr"?');
});

test('a wrong value is refused with its line and what is allowed, each one', async () => {
  await write(
    'log: { level: loud }\nagent:\n  slots: many\n  labels: ["kiln:x"]\nhttp: { addr: here, trust_proxy: yes please }\norchestrator:\n  poll_timeout: 3 min\ndatabase:\n  url: mysql://u:geheim@h/d\n',
  );
  const lines = (await complaint()).split('\n');
  expect(lines).toEqual([
    'kiln.yaml:1: log.level must be one of debug, info, warn, error, not "loud"',
    'kiln.yaml:3: agent.slots must be a whole number from 1 to 256, not "many"',
    expect.stringMatching(/^kiln\.yaml:4: agent\.labels\[0\] must be text \(.*Kiln's own\), not "kiln:x"$/),
    'kiln.yaml:5: http.trust_proxy must be true or false, not "yes please"',
    expect.stringMatching(/^kiln\.yaml:7: orchestrator\.poll_timeout must be .*, not "3 min"$/),
    'kiln.yaml:5: http.addr: "here" is not an address to listen on; write host:port, such as 127.0.0.1:10142',
    expect.stringMatching(
      /^kiln\.yaml:9: database\.url: "mysql:\/\/u:\*\*\*@h\/d" is not an address that begins with postgres:\/\//,
    ),
  ]);
});

test('keys with nothing written after them count as not set', async () => {
  await write('http:\n  # addr: 127.0.0.1:1\nfarm_id:\nlog:\n  level:\n');
  expect(await load()).toMatchObject({ farmId: 'kiln', http: { addr: null }, log: { level: 'info' } });
  await write('');
  expect((await load()).farmId).toBe('kiln');
  await write('# nothing\n');
  expect((await load()).farmId).toBe('kiln');
});

test('a broken file and a missing one', async () => {
  await write('http: [\n');
  expect(await complaint()).toMatch(/^kiln\.yaml:2: /);
  await write('- a\n');
  expect(await complaint()).toBe('kiln.yaml:1: the file must be a mapping, not a list');
  expect(await complaint({ file: join(dataDir, 'other.yaml') })).toBe('other.yaml: there is no such file');
});

test('a mistaken variable of the shape of a key is refused by name, with the nearest right one', async () => {
  expect(await complaint({ env: { KILN_HTTP_ADRR: 'x' } })).toBe(
    'KILN_HTTP_ADRR: is not a setting of Kiln; did you mean KILN_HTTP_ADDR?',
  );
  expect(await complaint({ env: { KILN_LOG_LEVEL: 'loud' } })).toBe(
    'KILN_LOG_LEVEL: log.level must be one of debug, info, warn, error, not "loud"',
  );
  expect(await complaint({ env: { KILN_HTTP_TRUST_PROXY: 'maybe' } })).toContain('must be true or false');
  expect(await complaint({ env: { KILN_HTTP_ADDR: 'x' } })).toMatch(
    /^KILN_HTTP_ADDR: http\.addr: "x" is not an address/,
  );
});

test('other KILN_ variables are left alone', async () => {
  const env = {
    KILN_: '',
    KILN_DATA: '/d',
    KILN_TOKEN: 't',
    KILN_URL: 'u',
    KILN_RUN_ID: 'r',
    KILN_RECIPE: 'x',
    KILN_LOGS: 'x',
    KILN_AGENT: 'x',
    KILN_AGENT_ID: 'x',
    KILN_HTTP_SERVICE_HOST: '10.0.0.1',
    KILN_HTTP_PORT: 'tcp://10.0.0.1:80',
    KILN_HTTP_PORT_80_TCP_ADDR: '10.0.0.1',
    KILN_LOG_LEVEL: '',
    OTHER: 'x',
  };
  expect(await load({ env })).toMatchObject({ log: { level: 'info' } });
});

test('the command line is checked too, and its paths are seen from the current folder', async () => {
  expect(await complaint({ overrides: { 'http.adr': 'x' } })).toBe(
    'command line: unknown key "http.adr"; did you mean "http.addr"?',
  );
  expect(await complaint({ overrides: { 'agent.slots': 0 } })).toBe(
    'command line: agent.slots must be a whole number from 1 to 256, not 0',
  );
  expect((await load({ overrides: { recipes_dir: 'mine' } })).recipesDir).toBe(join(process.cwd(), 'mine'));
});

test('paths in a file elsewhere are seen from its folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-config-'));
  await writeFile(join(folder, 'farm.yaml'), 'recipes_dir: ../r\n');
  const config = await load({ file: join(folder, 'farm.yaml') });
  expect(config.recipesDir).toBe(join(folder, '../r'));
  expect(config.repositoriesDir).toBe(join(dataDir, 'repositories'));
  await rm(folder, { recursive: true });
});

test('a problem shows no password of an address', async () => {
  const env = { KILN_DATABASE_URL: 'mysql://u:geheim@h/d', KILN_TELEMETRY_OTLP_ENDPOINT: 'otlp' };
  expect(await complaint({ env })).not.toContain('geheim');
});

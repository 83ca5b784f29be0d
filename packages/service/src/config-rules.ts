import { parseAddress } from './address.ts';
import { blobsUrlProblem, bucketProblem } from './config-blobs.ts';
import { forgesProblem } from './config-forges.ts';
import { maskUrl } from './mask.ts';
import type { Path } from './problem.ts';

/** What a value must be beyond its schema: a check that returns what is wrong, or null. Unset values are not asked. */
type Rule = (value: string) => string | null;

const address: Rule = (value) => {
  try {
    parseAddress(value);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

function url(example: string, ...protocols: string[]): Rule {
  return (value) => {
    const parsed = URL.canParse(value) ? new URL(value) : null;
    if (parsed && protocols.includes(parsed.protocol)) return null;
    const allowed = protocols.map((protocol) => `${protocol}//`).join(' or ');
    return `"${maskUrl(value)}" is not an address that begins with ${allowed}, such as ${example}`;
  };
}

const postgres = url('postgres://kiln@db.example/kiln', 'postgres:', 'postgresql:');

/** Some characters of a password end the address too early, and what follows must never be printed as the database's name. */
const databaseUrl: Rule = (value) => {
  const cut = URL.canParse(value) ? new URL(value).pathname.includes('@') : /^postgres(ql)?:\/\/.*@/.test(value);
  return cut ? 'cannot be read; write / ? # @ % in the password as %2F %3F %23 %40 %25' : postgres(value);
};

const httpUrl = url('http://127.0.0.1:8428', 'http:', 'https:');

/** A password in an address ends up in logs, and the client that asks refuses it. */
const metricsUrl: Rule = (value) => {
  const parsed = URL.canParse(value) ? new URL(value) : null;
  if (parsed?.username || parsed?.password) return 'has a name or password in it; put a token into metrics.token_file';
  return httpUrl(value);
};

/** By key, the rules that a JSON Schema can't say. */
export const CONFIG_RULES: Readonly<Record<string, Rule>> = {
  'http.addr': address,
  'http.public_url': url('https://build.example.com', 'http:', 'https:'),
  'orchestrator.addr': address,
  'agent.addr': address,
  'agent.orchestrator': url('ws://farm.example:10143', 'ws:', 'wss:'),
  'database.url': databaseUrl,
  'blobs.url': blobsUrlProblem,
  'blobs.endpoint': url('https://minio.example.com:9000', 'http:', 'https:'),
  repositories_bucket: bucketProblem,
  'metrics.url': metricsUrl,
  'telemetry.otlp_endpoint': url('http://127.0.0.1:4318', 'http:', 'https:'),
};

/** By key, the same for keys that hold a list of mappings: what is wrong, and where below the key. */
export const CONFIG_LIST_RULES: Readonly<
  Record<string, (entries: readonly unknown[]) => { path: Path; message: string } | null>
> = { forges: forgesProblem };

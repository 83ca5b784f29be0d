import { type Allowlist, defaultAllowlist, parseAllowlist } from './allowlist.ts';
import { fs, os, path, util } from './builtin.ts';
import { HeartbeatError } from './systemctl.ts';

const CONFIG = '/etc/kiln/heartbeat.conf';
const STATE = '/var/lib/systemd-heartbeat';
const ENDPOINT = 'http://127.0.0.1:10142/v1/metrics';

/** What `--help` prints. */
export const HELP = `Usage: kiln heartbeat [options]

Reads the state of systemd's units on this machine and sends it as metrics (OTLP over HTTP), then ends. A timer starts it
every 30 seconds; docs/hosts.md tells how to set that up, and lists the metrics.

Options:
  --endpoint <url>     where to send (default: KILN_HEARTBEAT_ENDPOINT, else ${ENDPOINT})
  --token-file <file>  file with a bearer token, or with whole header lines (default: KILN_HEARTBEAT_TOKEN_FILE,
                       else the unit's credential named token)
  --config <file>      units to watch (default: KILN_HEARTBEAT_CONFIG, else ${CONFIG}; without that, Kiln's own)
  --state <file>       what is kept between two ticks (default: state.json in STATE_DIRECTORY, else in
                       ${STATE}, where that is)
  --host <name>        label host of the metrics (default: KILN_HEARTBEAT_HOST, else the host name)
  --dry-run            print a table of the units; send nothing, keep nothing
  --list-units         print which units are watched, and why; send nothing, keep nothing
  --once-json          print the readings as JSON; send nothing, keep nothing
  --help               print this

Exit codes: 0 done, 1 it failed, 2 wrong usage.

Examples:
  kiln heartbeat --dry-run
  kiln heartbeat --endpoint http://127.0.0.1:8428/opentelemetry/v1/metrics     VictoriaMetrics
  kiln heartbeat --endpoint http://127.0.0.1:9090/api/v1/otlp/v1/metrics       Prometheus, with its OTLP receiver
  kiln heartbeat --once-json | jq '.units[] | select(.failed) | .unit'
`;

/** What one call is to do. */
export interface Options {
  mode: 'push' | 'dry-run' | 'list-units' | 'once-json' | 'help';
  endpoint: string;
  tokenFile: string | undefined;
  allowlist: Allowlist;
  /** null where there is no place for it. */
  state: string | null;
  host: string;
}

/** A mistake in how the program was called. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Reads the command line, the environment and the configuration file. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const values = parse(args);
  const modes = (['dry-run', 'list-units', 'once-json'] as const).filter((mode) => values[mode]);
  if (modes.length > 1) throw new UsageError(`--${modes.join(' and --')} can't stand together; call it once for each`);
  return {
    mode: values.help ? 'help' : (modes[0] ?? 'push'),
    endpoint: values.endpoint ?? (env.KILN_HEARTBEAT_ENDPOINT || ENDPOINT),
    tokenFile: values['token-file'] ?? (env.KILN_HEARTBEAT_TOKEN_FILE || credential(env)),
    allowlist: readAllowlist(values.config ?? (env.KILN_HEARTBEAT_CONFIG || undefined)),
    state: values.state ?? stateFile(env),
    host: values.host ?? (env.KILN_HEARTBEAT_HOST || os.hostname()),
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return util.parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        endpoint: text,
        'token-file': text,
        config: text,
        state: text,
        host: text,
        'dry-run': flag,
        'list-units': flag,
        'once-json': flag,
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}; --help lists the options`);
  }
}

function readAllowlist(file: string | undefined): Allowlist {
  if (file === undefined && !fs.existsSync(CONFIG)) return defaultAllowlist();
  const place = file ?? CONFIG;
  try {
    return parseAllowlist(fs.readFileSync(place, 'utf8'), place);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error;
    throw new HeartbeatError(`the list of units could not be read from ${place} (${reason})`);
  }
}

/** What a unit hands over by LoadCredential=token:…, so that the file itself stays root's. */
function credential(env: NodeJS.ProcessEnv): string | undefined {
  const file = env.CREDENTIALS_DIRECTORY && path.join(env.CREDENTIALS_DIRECTORY, 'token');
  return file && fs.existsSync(file) ? file : undefined;
}

/** In a unit systemd names the folder. By hand it is the same one, so that totals go on, where that unit is installed. */
function stateFile(env: NodeJS.ProcessEnv): string | null {
  const [folder = STATE] = env.STATE_DIRECTORY?.split(':').filter(Boolean) ?? [];
  return env.STATE_DIRECTORY || fs.existsSync(folder) ? path.join(folder, 'state.json') : null;
}

import { childProcess } from './builtin.ts';

/** How long systemd may take to answer: a wedged one must not hold up the next tick. */
const LIMIT_MS = 10_000;
const OUTPUT_LIMIT = 64 * 1024 * 1024;

/** Something outside does not work; the message is for the operator, whole. */
export class HeartbeatError extends Error {
  override name = 'HeartbeatError';
}

/** What `systemctl show` says of one unit. A property that it says several times has a line for each. */
export type Properties = ReadonlyMap<string, string>;

/** A line of `systemctl list-units`. */
export interface ListedUnit {
  name: string;
  loadState: string;
}

/** Asks systemd. Every answer is in the C locale and in UTC, whatever the environment says. */
export class Systemctl {
  readonly #env: NodeJS.ProcessEnv;
  readonly #limitMs: number;

  /** @param limitMs how long one answer may take */
  constructor(env: NodeJS.ProcessEnv, limitMs = LIMIT_MS) {
    this.#limitMs = limitMs;
    this.#env = { ...env, LC_ALL: 'C', LANGUAGE: 'C', TZ: 'UTC', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' };
  }

  /** Units that failed. */
  async failed(): Promise<ListedUnit[]> {
    return parseList(await this.#run(['list-units', '--state=failed', ...PLAIN]));
  }

  /** Units in systemd's memory that fit one of the patterns, running or not. */
  async fitting(patterns: readonly string[]): Promise<ListedUnit[]> {
    if (patterns.length === 0) return [];
    return parseList(await this.#run(['list-units', '--all', ...PLAIN, '--', ...patterns]));
  }

  /** Properties of units, by the names that were asked for. */
  async show(units: readonly string[], properties: readonly string[]): Promise<Map<string, Properties>> {
    if (units.length === 0) return new Map();
    const text = await this.#run(['show', `--property=${properties.join(',')}`, '--', ...units]);
    const blocks = parseBlocks(text);
    if (blocks.length !== units.length)
      throw new HeartbeatError(
        `systemctl show described ${blocks.length} of ${units.length} units; its answer was not used`,
      );
    return new Map(units.map((unit, index) => [unit, blocks[index] ?? new Map()]));
  }

  async #run(args: readonly string[]): Promise<string> {
    const command = `systemctl ${args[0]}`;
    return await new Promise((resolve, reject) => {
      const options = {
        env: this.#env,
        timeout: this.#limitMs,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_LIMIT,
      } as const;
      childProcess.execFile('systemctl', args, options, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        if (error.code === 'ENOENT')
          reject(new HeartbeatError('there is no systemctl in PATH; is this a machine with systemd?'));
        else if (error.killed)
          reject(new HeartbeatError(`${command} took longer than ${this.#limitMs / 1000} s; systemd or its bus hangs`));
        else reject(new HeartbeatError(`${command} failed: ${stderr.trim().split('\n').join('; ') || error.message}`));
      });
    });
  }
}

const PLAIN = ['--plain', '--no-legend', '--no-pager', '--full'];

function parseList(text: string): ListedUnit[] {
  const units: ListedUnit[] = [];
  for (const line of text.split('\n')) {
    // Some versions mark failed units in spite of --plain.
    const [name, loadState = ''] = line.replace(/^[●*○↻×\s]+/, '').split(/\s+/);
    if (name) units.push({ name, loadState });
  }
  return units;
}

/** Blocks of `Key=value` lines with an empty line between two units, in the order of the request. */
export function parseBlocks(text: string): Properties[] {
  return text
    .trim()
    .split(/\n\n+/)
    .filter(Boolean)
    .map((block) => {
      const properties = new Map<string, string>();
      for (const line of block.split('\n')) {
        const at = line.indexOf('=');
        if (at < 0) continue;
        const key = line.slice(0, at);
        const before = properties.get(key);
        properties.set(key, before === undefined ? line.slice(at + 1) : `${before}\n${line.slice(at + 1)}`);
      }
      return properties;
    });
}

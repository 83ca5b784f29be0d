import { randomBytes } from 'node:crypto';
import { closeSync, unlinkSync } from 'node:fs';
import { killGroup, killMarked, signalGroup } from './kill.ts';
import type { Launched, Launcher, LaunchRefusal } from './launcher.ts';
import { type ChunkSink, OutputReader } from './output-reader.ts';
import type { PipePool } from './pipe-pool.ts';
import type { Since } from './scan.ts';

/** Name of the variable by which every process of an attempt is known again. */
export const TOKEN_NAME = 'KILN_ATTEMPT_TOKEN';
/** How long the output of a command may go on after the command ended. */
const DRAIN_MS = 2000;
/** setTimeout takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

export interface CommandOptions {
  file: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  sink: ChunkSink;
  /** Called with what makes the output go on, after the sink wanted no more. */
  onReader?: (resume: () => void) => void;
  timeoutMs: number | null;
}

export interface CommandResult {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
  /** A process that outlived the command still holds its output. */
  held: boolean;
}

/** Raised when a command could not be started. `message` says why, `code` is the system's word for it. */
export class StartError extends Error {
  override name = 'StartError';
  readonly code: string;

  constructor(file: string, cause: LaunchRefusal) {
    super(
      `${file} could not be started: ${cause.code === 'ENOENT' ? 'there is no such program on PATH' : cause.message}`,
    );
    this.code = cause.code;
  }
}

/**
 * Every process that one attempt starts. Each command has a session of its own and one pipe for both of its outputs.
 * Aborting the signal kills the command that runs; `end` kills whatever is left, also what hid in another session.
 */
export class ProcessTree {
  /** The variable to put into the environment of every command. */
  readonly token: string;
  readonly #launcher: Launcher;
  readonly #pipes: PipePool;
  readonly #signal: AbortSignal;
  readonly #graceMs: number;
  readonly #held: OutputReader[] = [];
  readonly #groups: number[] = [];
  #since: Since | null = null;

  constructor(options: { launcher: Launcher; pipes: PipePool; signal: AbortSignal; graceMs: number; token?: string }) {
    this.token = options.token ?? randomBytes(16).toString('hex');
    this.#launcher = options.launcher;
    this.#pipes = options.pipes;
    this.#signal = options.signal;
    this.#graceMs = options.graceMs;
  }

  /** Runs a command to its end and its output to the sink. Throws StartError. */
  async run(options: CommandOptions): Promise<CommandResult> {
    const { launched, reader } = await this.#start(options);
    options.onReader?.(() => reader.resume());
    const { pid } = launched;
    let killing: Promise<void> | null = null;
    let timedOut = false;
    const kill = () => {
      killing ??= this.#kill(pid);
    };
    const expire = () => {
      timedOut = true;
      kill();
    };
    const timer = options.timeoutMs === null ? null : setTimeout(expire, Math.min(options.timeoutMs, LONGEST_MS));
    this.#signal.addEventListener('abort', kill);
    if (this.#signal.aborted) kill();
    const { exitCode, signal } = await launched.ended
      .catch((error: unknown) => {
        reader.destroy();
        throw error;
      })
      .finally(() => {
        if (timer) clearTimeout(timer);
        this.#signal.removeEventListener('abort', kill);
      });
    if (killing) {
      await killing;
      reader.force();
    }
    if (signalGroup(pid, 0)) this.#groups.push(pid);
    const force = () => reader.force();
    this.#signal.addEventListener('abort', force);
    const held = !(await reader.drained(DRAIN_MS));
    this.#signal.removeEventListener('abort', force);
    if (held) this.#held.push(reader);
    return { exitCode, signal, timedOut, held };
  }

  /** Kills what is left and closes every output. Returns how many processes there were. */
  async end(): Promise<number> {
    // Where there is no /proc the groups are all that is known.
    if (process.platform !== 'linux') for (const group of this.#groups) signalGroup(group, 'SIGKILL');
    const killed = this.#since ? await killMarked(`${TOKEN_NAME}=${this.token}`, this.#since) : 0;
    for (const reader of this.#held) {
      reader.force();
      await reader.drained(DRAIN_MS / 4);
      reader.destroy();
    }
    return killed;
  }

  async #start({ file, args, cwd, env, sink }: CommandOptions): Promise<{ launched: Launched; reader: OutputReader }> {
    const pipe = await this.#pipes.take();
    try {
      const marked = { ...env, [TOKEN_NAME]: this.token };
      const launched = await this.#launcher.start({ file, args, cwd, env: marked, output: pipe.path });
      if (!('pid' in launched)) throw new StartError(file, launched);
      this.#since ??= { pid: launched.pid, time: Date.now() };
      return { launched, reader: new OutputReader(pipe.readEnd, sink) };
    } catch (error) {
      closeSync(pipe.readEnd);
      throw error;
    } finally {
      closeSync(pipe.writeEnd);
      unlinkSync(pipe.path);
    }
  }

  async #kill(group: number): Promise<void> {
    await killGroup(group, this.#graceMs);
    await killMarked(`${TOKEN_NAME}=${this.token}`, this.#since ?? undefined);
  }
}

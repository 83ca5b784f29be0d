import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CommandResult, StartError } from '../process/process-tree.ts';
import type { JobContext } from './job-context.ts';
import { StepProblem } from './step.ts';

/** What git printed is kept up to this size. */
const OUTPUT_LIMIT = 65_536;
const CONFIG = 'git-config';
/** Of the agent's own environment git needs the way out to the network and to the keys. */
const PASSED_ON = /^(?:https?_proxy|no_proxy|all_proxy|ssl_cert_file|ssl_cert_dir|git_ssl_cainfo|ssh_auth_sock)$/i;

export interface GitResult extends CommandResult {
  output: string;
}

/**
 * Writes the only configuration that the agent's git reads: a person's own may change what is checked out. Local
 * upstreams may belong to another user, since the operator named them; a transfer that stalls for a minute ends.
 */
export async function writeGitConfig(stateDir: string): Promise<void> {
  const config = [
    '[safe]\n\tdirectory = *',
    '[advice]\n\tdetachedHead = false',
    '[init]\n\tdefaultBranch = main',
    '[gc]\n\tauto = 0',
    '[core]\n\tautocrlf = false',
    '[http]\n\tlowSpeedLimit = 100\n\tlowSpeedTime = 60',
  ];
  await writeFile(join(stateDir, CONFIG), `${config.join('\n')}\n`, { mode: 0o600 });
}

/** Runs git in the workspace and returns what it printed. It never asks anything. */
export async function git(context: JobContext, args: readonly string[]): Promise<GitResult> {
  let output = Buffer.alloc(0);
  const sink = {
    write: (chunk: Buffer) => {
      output = Buffer.concat([output, chunk]).subarray(-OUTPUT_LIMIT);
      return true;
    },
  };
  const { work, home, tmp } = context.workspace;
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED_ON.test(name))),
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    TMPDIR: tmp,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_GLOBAL: join(context.stateDir, CONFIG),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
  };
  try {
    const result = await context.processes.run({
      file: 'git',
      args,
      cwd: work,
      env: defined(env),
      sink,
      timeoutMs: null,
    });
    return { ...result, output: output.toString('utf8').trim() };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new StepProblem('Checkout Failed', error.message);
  }
}

function defined(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

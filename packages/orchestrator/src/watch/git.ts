import { spawn } from 'node:child_process';
import { withoutCredentials } from './git-url.ts';

/** More than any sane upstream has (some 500,000 refs), and little enough to hold. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;
const ERROR_LIMIT = 16 * 1024;

/** Variables of the environment that git needs on its way to an upstream; nothing else is passed on. */
const PASSED_ON = [
  'PATH',
  'HOME',
  'SSH_AUTH_SOCK',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
];

export interface GitLimits {
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * `git ls-remote` of an upstream, as text. Git runs without anybody's configuration, asks nobody anything, speaks only
 * the usual protocols and is killed with all its children at the limit or when the signal aborts. Throws an Error with the
 * address and git's own last words.
 */
export async function lsRemote(
  url: string,
  ask: { options: readonly string[]; patterns?: readonly string[] },
  limits: GitLimits,
): Promise<string> {
  if (url.startsWith('-')) throw new Error(`"${url}" is not the address of a repository: it begins with a dash`);
  limits.signal.throwIfAborted();
  const configuration = ['-c', 'protocol.ext.allow=never', '-c', 'credential.helper='];
  const command = [...configuration, 'ls-remote', ...ask.options, '--', url, ...(ask.patterns ?? [])];
  const git = spawn('git', command, {
    cwd: '/',
    env: environment(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stopped: string | null = null;
  const stop = (why: string) => {
    stopped ??= why;
    kill(git.pid);
  };
  const onAbort = () => stop('Kiln is stopping');
  limits.signal.addEventListener('abort', onAbort);
  const timer = setTimeout(() => stop(`no answer after ${limits.timeoutMs / 1000} s`), limits.timeoutMs);
  const chunks: Buffer[] = [];
  let size = 0;
  let words = '';
  git.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > OUTPUT_LIMIT) stop(`it lists more than ${OUTPUT_LIMIT / 1024 / 1024} MiB of refs`);
    else chunks.push(chunk);
  });
  git.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-ERROR_LIMIT);
  });
  try {
    const code = await new Promise<number | null>((done, fail) => {
      git.once('error', fail);
      git.once('close', done);
    });
    if (stopped === null && code === 0) return Buffer.concat(chunks).toString('utf8');
    throw new Error(stopped ?? lastWords(words) ?? `git ended with exit code ${code}`);
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const message = missing ? 'git is not installed' : cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${withoutCredentials(url)}: ${message}`, { cause });
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', onAbort);
  }
}

function environment(): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return {
    ...Object.fromEntries(passed),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
    GIT_SSH_COMMAND: process.env.GIT_SSH_COMMAND ?? 'ssh -o BatchMode=yes',
  };
}

/** Ends the whole process group: git leaves the talking to a child, which would keep the pipe open. */
function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The same words end every failure and say nothing about it. */
const ADVICE = /^(Please make sure you have the correct access rights|and the repository exists\.)$/;

/** What git says is wrong, on one line and without credentials. */
function lastWords(words: string): string | null {
  const lines = words
    .split('\n')
    .map((line) => line.replace(/^(fatal|error): /, '').trim())
    .filter((line) => line !== '' && !ADVICE.test(line));
  const text = lines.slice(-3).join('; ');
  return text === '' ? null : text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/gi, '$1');
}

import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real upstream: a bare repository in a folder, and a working copy to make commits with. */
export class GitUpstream {
  readonly folder: string;
  readonly bare: string;
  #clock = 1_600_000_000;

  private constructor(folder: string) {
    this.folder = folder;
    this.bare = join(folder, 'upstream.git');
  }

  static async create(): Promise<GitUpstream> {
    const upstream = new GitUpstream(await mkdtemp(join(tmpdir(), 'kiln-upstream-')));
    await upstream.git('init', '-q', '--bare', '-b', 'main', upstream.bare);
    await upstream.git('init', '-q', '-b', 'main', 'work');
    return upstream;
  }

  async git(...args: string[]): Promise<string> {
    const date = `${this.#clock} +0000`;
    const person = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@example.org' };
    const env = {
      ...process.env,
      ...person,
      GIT_COMMITTER_NAME: 'A',
      GIT_COMMITTER_EMAIL: 'a@example.org',
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
      GIT_CONFIG_GLOBAL: '/dev/null',
    };
    const cwd = args[0] === 'init' ? this.folder : join(this.folder, 'work');
    return (await run('git', args, { cwd, env })).stdout.trim();
  }

  /** Commits a file and pushes; returns the hash. Each commit is a second later than the one before. */
  async commit(text: string, file = 'file.txt'): Promise<string> {
    this.#clock += 1;
    await writeFile(join(this.folder, 'work', file), text);
    await this.git('add', '-A');
    await this.git('commit', '-q', '-m', `make it ${text}`);
    await this.git('push', '-q', '-f', this.bare, 'main');
    return await this.git('rev-parse', 'HEAD');
  }

  /** Tags the present commit, also where there is a tag of this name already. */
  async tag(name: string, annotated = false): Promise<void> {
    await this.git('tag', '-f', ...(annotated ? ['-a', '-m', name] : []), name);
    await this.git('push', '-q', '-f', this.bare, `refs/tags/${name}`);
  }

  /** Forgets what no ref points to any more. */
  async prune(): Promise<void> {
    await run('git', ['-C', this.bare, 'reflog', 'expire', '--expire=now', '--all']);
    await run('git', ['-C', this.bare, 'gc', '-q', '--prune=now']);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Serves the folder of an upstream over HTTP with git's own backend. `variables` go to it, such as git's configuration. */
export async function serveGit(
  upstream: GitUpstream,
  variables: Record<string, string> = {},
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const backend = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: upstream.folder,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        ...variables,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    request.pipe(backend.stdin);
    const chunks: Buffer[] = [];
    backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    backend.on('close', () => {
      const whole = Buffer.concat(chunks);
      const end = whole.indexOf('\r\n\r\n');
      const head = whole.toString('latin1', 0, end).split('\r\n');
      const fields = head.map((line) => line.split(/: (.*)/s, 2) as [string, string]);
      const status = fields.find(([name]) => name === 'Status')?.[1] ?? '200';
      response.writeHead(Number.parseInt(status, 10), fields.filter(([name]) => name !== 'Status').flat());
      response.end(whole.subarray(end + 4));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/upstream.git`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** How the server treats one repository. */
export interface Treatment {
  /** Waits so long before it answers, in milliseconds. */
  delayMs?: number;
  /** Answers when this is fulfilled, and not before. */
  until?: Promise<void>;
  /** Answers with this HTTP status instead of git's answer. */
  status?: number;
  /** Takes the request and never answers. */
  hang?: boolean;
}

/** Serves the bare repositories below a folder over HTTP, as forges do: git's own `http-backend` behind a real socket. */
export interface GitServer {
  /** Address of the repository at `<root>/<name>.git`. */
  url(name: string): string;
  /** Changes how a repository is treated from now on; without a treatment it is served at once. */
  treat(name: string, treatment?: Treatment): void;
  /** How often the refs of a repository were asked for. */
  looks(name: string): number;
  close(): Promise<void>;
}

export async function startGitServer(root: string): Promise<GitServer> {
  const treatments = new Map<string, Treatment>();
  const looks = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const name = /^\/(.+)\.git\//.exec(url.pathname)?.[1] ?? '';
    if (url.pathname.endsWith('/info/refs')) looks.set(name, (looks.get(name) ?? 0) + 1);
    const { delayMs = 0, until, status, hang } = treatments.get(name) ?? {};
    if (hang) return;
    const answer = () => {
      if (status === undefined) serve(root, url, request, response);
      else response.writeHead(status).end('this repository is broken on purpose\n');
    };
    if (until) return void until.then(answer);
    if (delayMs === 0) return answer();
    const timer = setTimeout(() => {
      timers.delete(timer);
      answer();
    }, delayMs);
    timers.add(timer);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: (name) => `http://127.0.0.1:${port}/${name}.git`,
    treat(name, treatment) {
      if (treatment) treatments.set(name, treatment);
      else treatments.delete(name);
    },
    looks: (name) => looks.get(name) ?? 0,
    async close() {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One request through git's CGI program. */
function serve(root: string, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // A client that goes away takes its backend along.
  response.on('close', () => backend.kill());
  backend.on('error', () => response.destroy());
  backend.stdin.on('error', () => {});
  request.pipe(backend.stdin);
  let head = Buffer.alloc(0);
  let headSent = false;
  backend.stdout.on('data', (chunk: Buffer) => {
    if (headSent) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    headSent = true;
    const headers = new Map(
      head
        .subarray(0, end)
        .toString('utf8')
        .split('\r\n')
        .map((line) => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }),
    );
    const status = Number.parseInt(headers.get('status') ?? '200', 10);
    headers.delete('status');
    response.writeHead(status, Object.fromEntries(headers));
    response.write(head.subarray(end + 4));
  });
  backend.stdout.on('end', () => {
    if (!headSent) response.writeHead(500);
    response.end();
  });
}

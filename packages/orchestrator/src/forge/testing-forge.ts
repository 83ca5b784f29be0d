import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** A status or a check run as the forge has it. */
export interface Seen {
  method: string;
  /** `owner/name`. */
  repository: string;
  sha: string;
  /** `kiln/<recipe>`. */
  context: string;
  /** In the forge's own words; of a completed check run, the conclusion. */
  state: string;
  /** Description, or the summary of a check run. */
  text: string;
  link: string | null;
  body: Record<string, unknown>;
}

/** How the forge treats a call instead of taking it. `down`: the connection breaks; `lost`: it takes it, and the answer never arrives. */
export type Treatment =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | 'down'
  | 'hang'
  | 'lost'
  | undefined;

/** The commit status and check run APIs of the forges, as published, on a real socket. What breaks their rules is answered with 4xx. */
export interface FakeForge {
  kind: Kind;
  url: string;
  token: string;
  /** Everything it took, in order. */
  seen: Seen[];
  /** Calls that broke a rule of the API, with the reason. */
  broken: string[];
  /** Calls that arrived at all. */
  calls(): number;
  /** The largest number of calls that were open at once. */
  mostAtOnce(): number;
  /** Decides about each call from now on; without a decision all are taken. */
  treat(decide?: (call: { repository: string; sha: string; body: Record<string, unknown> }) => Treatment): void;
  close(): Promise<void>;
}

export type Kind = 'github' | 'gitea' | 'gitlab';

/** Starts a fake forge. */
export async function startFakeForge(kind: Kind, options: { token?: string } = {}): Promise<FakeForge> {
  const token = options.token ?? 'a-token-of-the-forge';
  const seen: Seen[] = [];
  const broken: string[] = [];
  const checkRuns = new Map<string, Seen>();
  let calls = 0;
  let open = 0;
  let most = 0;
  let decide: Parameters<FakeForge['treat']>[0];

  const server = createServer((request, response) => {
    calls++;
    most = Math.max(most, ++open);
    response.on('close', () => open--);
    void serve(request, response).catch((error: Error) => {
      broken.push(error.message);
      answer(response, error instanceof Refusal ? error.status : 500, { message: error.message });
    });
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await read(request);
    checkHeaders(kind, request, token);
    const body = mapping(JSON.parse(text));
    const call = kind === 'gitlab' ? gitlabCall(request, body) : githubCall(request, body, checkRuns, kind);
    const treatment = decide?.({ repository: call.repository, sha: call.sha, body });
    if (treatment === 'hang') return;
    if (treatment === 'down') return void response.destroy();
    if (typeof treatment === 'object') {
      const { status, headers = {}, body: said = { message: 'refused on purpose' } } = treatment;
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(said));
      return;
    }
    const open =
      kind === 'gitlab' ? seen.findLast((one) => one.sha === call.sha && one.context === call.context) : undefined;
    if (open && open.state === call.state && ['pending', 'running'].includes(call.state)) {
      const event = call.state === 'running' ? 'run' : 'enqueue';
      return answer(response, 400, {
        message: `Cannot transition status via :${event} from :${call.state} (Reason(s): Status cannot transition via "${event}")`,
      });
    }
    seen.push(call);
    const id = call.method === 'PATCH' ? Number(/\d+$/.exec(request.url ?? '')?.[0]) : seen.length;
    checkRuns.set(String(id), call);
    if (treatment === 'lost') response.destroy();
    else answer(response, call.method === 'PATCH' ? 200 : 201, { id, ...body });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    kind,
    url: `http://127.0.0.1:${port}`,
    token,
    seen,
    broken,
    calls: () => calls,
    mostAtOnce: () => most,
    treat(next) {
      decide = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Raised on a call that the API would not take. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const SHA = /^[0-9a-f]{40}$/;

function checkHeaders(kind: Kind, request: IncomingMessage, token: string): void {
  const given = { github: `Bearer ${token}`, gitea: `token ${token}`, gitlab: token }[kind];
  const header = kind === 'gitlab' ? 'private-token' : 'authorization';
  if (request.headers[header] !== given) throw new Refusal(401, 'Bad credentials');
  if (!request.headers['user-agent']) throw new Refusal(403, 'Request forbidden by administrative rules');
  if (request.headers['content-type'] !== 'application/json') throw new Refusal(415, 'Unsupported Media Type');
}

function githubCall(
  request: IncomingMessage,
  body: Record<string, unknown>,
  checkRuns: ReadonlyMap<string, Seen>,
  kind: 'github' | 'gitea',
): Seen {
  const { method = '', url = '' } = request;
  const prefix = kind === 'gitea' ? '/api/v1' : '';
  const status = new RegExp(`^${prefix}/repos/([^/]+)/([^/]+)/statuses/([^/]+)$`).exec(url);
  if (status && method === 'POST') {
    known(body, ['state', 'target_url', 'description', 'context']);
    const states = ['error', 'failure', 'pending', 'success', ...(kind === 'gitea' ? ['warning'] : [])];
    const [, owner = '', name = '', sha = ''] = status;
    if (!SHA.test(sha)) throw new Refusal(422, `No commit found for SHA: ${sha}`);
    const text = string(body, 'description', kind === 'github' ? 140 : 255);
    return {
      method,
      repository: `${owner}/${name}`,
      sha,
      context: string(body, 'context'),
      state: oneOf(body, 'state', states),
      text,
      link: link(body, 'target_url'),
      body,
    };
  }
  const check = /^\/repos\/([^/]+)\/([^/]+)\/check-runs(?:\/(\d+))?$/.exec(url);
  if (kind !== 'github' || !check || method !== (check[3] ? 'PATCH' : 'POST')) throw new Refusal(404, 'Not Found');
  const [, owner = '', name = '', id] = check;
  const earlier = id === undefined ? undefined : checkRuns.get(id);
  if (id !== undefined && !earlier) throw new Refusal(404, 'Not Found');
  known(body, [
    'name',
    'head_sha',
    'status',
    'conclusion',
    'started_at',
    'completed_at',
    'external_id',
    'details_url',
    'output',
  ]);
  if (earlier && 'head_sha' in body) throw new Refusal(422, 'head_sha is not a permitted key');
  const output = mapping(body.output);
  known(output, ['title', 'summary']);
  string(output, 'title', 255);
  for (const key of ['started_at', 'completed_at'])
    if (key in body && !/^\d{4}-.*Z$/.test(string(body, key))) throw new Refusal(422, `${key} is not a time`);
  const progress = oneOf(body, 'status', ['queued', 'in_progress', 'completed']);
  if ((progress === 'completed') !== 'conclusion' in body) throw new Refusal(422, 'conclusion goes with completed');
  const sha = earlier?.sha ?? string(body, 'head_sha');
  if (!SHA.test(sha)) throw new Refusal(422, 'head_sha is not a commit');
  return {
    method,
    repository: `${owner}/${name}`,
    sha,
    context: earlier?.context ?? string(body, 'name'),
    state:
      progress === 'completed'
        ? oneOf(body, 'conclusion', [
            'success',
            'failure',
            'cancelled',
            'neutral',
            'skipped',
            'timed_out',
            'action_required',
          ])
        : progress,
    text: string(output, 'summary', 65_535),
    link: link(body, 'details_url'),
    body,
  };
}

function gitlabCall(request: IncomingMessage, body: Record<string, unknown>): Seen {
  const { method = '', url = '' } = request;
  const [, project = '', sha = ''] = /^\/api\/v4\/projects\/([^/]+)\/statuses\/([^/]+)$/.exec(url) ?? [];
  if (method !== 'POST' || !SHA.test(sha)) throw new Refusal(404, '404 Commit Not Found');
  known(body, ['state', 'ref', 'name', 'target_url', 'description', 'coverage', 'pipeline_id']);
  if (string(body, 'ref', 255).startsWith('refs/')) throw new Refusal(404, '404 References for commit Not Found');
  const state = oneOf(body, 'state', ['pending', 'running', 'success', 'failed', 'canceled', 'skipped']);
  return {
    method,
    repository: decodeURIComponent(project),
    sha,
    context: string(body, 'name'),
    state,
    text: string(body, 'description', 255),
    link: link(body, 'target_url'),
    body,
  };
}

function known(body: Record<string, unknown>, keys: readonly string[]): void {
  for (const key of Object.keys(body)) if (!keys.includes(key)) throw new Refusal(422, `${key} is not a permitted key`);
}

function string(body: Record<string, unknown>, key: string, limit = 255): string {
  const value = body[key];
  if (typeof value !== 'string' || value === '') throw new Refusal(422, `${key} is missing`);
  if ([...value].length > limit) throw new Refusal(422, `${key} is too long (maximum is ${limit} characters)`);
  return value;
}

function oneOf(body: Record<string, unknown>, key: string, values: readonly string[]): string {
  const value = string(body, key);
  if (!values.includes(value)) throw new Refusal(422, `${key} can't be ${value}`);
  return value;
}

function link(body: Record<string, unknown>, key: string): string | null {
  if (!(key in body)) return null;
  const value = string(body, key, 2000);
  if (!/^https?:\/\//.test(value)) throw new Refusal(422, `${key} must use http(s) scheme`);
  return value;
}

function mapping(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'Body should be a JSON object');
  return { ...value };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

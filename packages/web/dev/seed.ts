import type { AgentSummary, EventDetail, PackageSummary } from '@kiln/protocol/api.ts';
import { type FarmData, HOUR, iso, MINUTE } from './data.ts';
import { recipeOf } from './recipes.ts';
import { addRun, type RunWish } from './runs.ts';
import { idOf, pick, random } from './words.ts';

const RECIPES = [
  ['nginx', 'The web server, built with our modules', 'https://github.com/nginx/nginx.git'],
  ['libfoo', 'A small C library with a test suite', 'http://127.0.0.1:10142/upstreams/libfoo.git'],
  ['musl', 'The C library that our images use', 'https://git.musl-libc.org/git/musl'],
  ['zlib', 'Compression', 'https://github.com/madler/zlib.git'],
  ['openssl', 'Cryptography, long-term support branch', 'https://github.com/openssl/openssl.git'],
  ['linux', 'The kernel for the build machines', 'https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git'],
  ['kiln-agent', "Kiln's own agent as a package", null],
  ['docs-site', 'The documentation, every night', null],
] as const;

/** A farm without anything in it. */
export function emptyFarm(): FarmData {
  return { recipes: [], runs: [], packages: [], agents: [], deadLetters: [], logs: new Map() };
}

/** A farm that has been busy: 200 runs over two days, some in progress, one that fails, long logs. */
export function fullFarm(): FarmData {
  const data = emptyFarm();
  const now = Date.now();
  const next = random(42);
  const versions = new Map(RECIPES.map(([name], index) => [name as string, index + 3]));
  for (let n = 200; n > 8; n -= 1) {
    const [recipe] = pick(RECIPES, next);
    const minor = (versions.get(recipe) ?? 1) + Math.floor((200 - n) / 24);
    const kind = next();
    addRun(data, {
      n,
      recipe,
      version: `1.${minor}.${Math.floor(next() * 9)}-1`,
      status: kind < 0.87 ? 'completed' : kind < 0.96 ? 'failed' : 'cancelled',
      createdAt: now - 20 * MINUTE - n * 13 * MINUTE * (0.5 + next()),
      durationMs: 20_000 + next() * 400_000,
      lines: 120 + Math.floor(next() * 3000),
      trigger: recipe === 'docs-site' ? 'schedule' : next() < 0.15 ? 'manual' : 'tag',
    });
  }
  const at = (n: number, wish: Omit<RunWish, 'n'>) => addRun(data, { n, ...wish });
  at(8, {
    recipe: 'linux',
    version: '6.9.1-1',
    status: 'completed',
    createdAt: now - 3 * HOUR,
    durationMs: 2.2 * HOUR,
    lines: 100_000,
  });
  at(7, {
    recipe: 'linux',
    version: '6.9.2-1',
    status: 'failed',
    createdAt: now - 2 * HOUR,
    durationMs: 1.4 * HOUR,
    lines: 1_000_000,
    failsAt: 734_112,
  });
  at(6, {
    recipe: 'zlib',
    version: '1.3.1-1',
    status: 'cancelled',
    createdAt: now - 50 * MINUTE,
    durationMs: 40_000,
    lines: 300,
    trigger: 'manual',
  });
  at(5, {
    recipe: 'musl',
    version: '1.2.5-1',
    status: 'failed',
    createdAt: now - 16 * MINUTE,
    durationMs: 95_000,
    lines: 1980,
    failsAt: 1842,
    attempt: 2,
  });
  at(4, {
    recipe: 'libfoo',
    version: '2.1.0-1',
    status: 'publishing',
    createdAt: now - 70_000,
    durationMs: 65_000,
    lines: 640,
  });
  at(3, {
    recipe: 'nginx',
    version: '1.27.0-1',
    status: 'building',
    createdAt: now - 4 * MINUTE,
    durationMs: 400_000,
    lines: 4200,
    percent: 62,
  });
  at(2, {
    recipe: 'openssl',
    version: '3.3.0-1',
    status: 'building',
    createdAt: now - 90_000,
    durationMs: 300_000,
    lines: 900,
    percent: 31,
    jobs: ['build (amd64)', 'build (arm64)', 'test'],
  });
  at(1, {
    recipe: 'kiln-agent',
    version: '0.1.0+20260507',
    status: 'queued',
    createdAt: now - 25_000,
    durationMs: 0,
    lines: 0,
    waiting: 'waits for a free slot on an agent with kiln:os:linux',
    trigger: 'manual',
  });
  data.runs.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  addPackages(data);
  data.recipes = RECIPES.map(([name, description, upstream], position) =>
    recipeOf(data, name, description, upstream, position),
  );
  data.agents = [
    agent(9001, 'forge-1', true, 2, 2, ['kiln:os:linux', 'kiln:arch:x64', 'kiln:host:forge-1', 'big'], now - 26 * HOUR),
    agent(9002, 'forge-2', true, 4, 1, ['kiln:os:linux', 'kiln:arch:arm64', 'kiln:host:forge-2'], now - 3 * HOUR),
    agent(9003, 'attic', false, 1, 0, ['kiln:os:linux', 'kiln:arch:x64', 'kiln:host:attic', 'slow'], now - 9 * HOUR),
  ];
  data.deadLetters = [1, 2].map((n) => deadLetter(n, now - n * 5 * HOUR));
  return data;
}

function addPackages(data: FarmData): void {
  const newest = new Map<string, number>();
  for (const run of data.runs) {
    if (run.status !== 'completed' || run.recipe === 'docs-site' || run.finishedAt === null) continue;
    const rank = newest.get(run.recipe) ?? 0;
    if (rank > 5) continue;
    newest.set(run.recipe, rank + 1);
    const names =
      run.recipe === 'libfoo'
        ? [`libfoo_${run.version}_amd64.deb`]
        : [`${run.recipe}-${run.version}.tar.gz`, `${run.recipe}-${run.version}.sbom.json`];
    const made: PackageSummary = {
      repository: 'main',
      package: run.recipe,
      version: run.version,
      recipe: run.recipe,
      runId: run.runId,
      publishedAt: run.finishedAt,
      active: rank === 0,
      files: names.map((name, index) => ({
        name,
        bytes: index === 0 ? 1_482_133 : 8412,
        sha256: idOf(index + name.length * 31)
          .replaceAll('-', '')
          .repeat(2),
      })),
    };
    run.packages = [made];
    data.packages.push(made);
  }
}

function agent(
  n: number,
  name: string,
  connected: boolean,
  slots: number,
  busy: number,
  labels: string[],
  since: number,
): AgentSummary {
  const lastSeenAt = iso(connected ? Date.now() - 4000 : since);
  return {
    agentId: idOf(n),
    name,
    host: `${name}.example.com`,
    os: 'linux',
    arch: n === 9002 ? 'arm64' : 'x64',
    version: '0.1.0',
    labels,
    slots,
    busy,
    connected,
    connectedAt: connected ? iso(since) : null,
    lastSeenAt,
  };
}

function deadLetter(n: number, at: number): EventDetail {
  return {
    eventId: idOf(7000 + n),
    requestId: idOf(7100 + n),
    source: 'github',
    deliveryId: `delivery-${n}`,
    name: 'webhook.push',
    routingKey: 'github:nginx/nginx',
    status: 'dead',
    attempts: 5,
    receivedAt: iso(at - 10 * MINUTE),
    finishedAt: null,
    dlqAt: iso(at),
    dlqReason: 'failed 5 times',
    lastError: 'recipe "nginx" has no tag pattern that matches refs/tags/release-1.27.0-rc1',
    outcome: '',
    runs: [],
  };
}

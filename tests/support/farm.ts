import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventDetail, RunDetail, RunList, StartedRun } from '@kiln/protocol/api.ts';
import { isFinishedRun } from '@kiln/protocol/states.ts';
import { startKiln, stopKiln, untilReady } from './kiln-up.ts';
import { until } from './until.ts';

export interface FarmOptions {
  /** Recipe files by name: `hello.yaml` to its text. */
  recipes: Record<string, string>;
  /** More lines of kiln.yaml. */
  config?: string;
  env?: Record<string, string>;
  /** Further arguments of `kiln up`. */
  args?: string[];
  /** An existing data directory, to start a stopped farm again. */
  data?: string;
}

/** A whole Kiln of real processes on ports and in a data directory of its own. */
export interface Farm {
  data: string;
  url: string;
  token: string;
  supervisor: ChildProcess;
  /** Everything that was written to stderr so far. */
  log(): string;
  api<T>(path: string, init?: { method?: string; body?: unknown }): Promise<T>;
  /** Starts a run by hand and waits until the event was routed. */
  start(recipe: string, version?: string): Promise<EventDetail>;
  /** Waits until a run is finished. */
  finished(runId: string, timeoutMs?: number): Promise<RunDetail>;
  /** SIGTERM; resolves to the exit code, or the signal that had ended it already. */
  stop(): Promise<number | string>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Starts a farm and waits until it is ready. */
export async function startFarm(options: FarmOptions): Promise<Farm> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'kiln-farm-')));
  if (!options.data) {
    await mkdir(join(data, 'recipes'), { recursive: true });
    for (const [name, text] of Object.entries(options.recipes)) await writeFile(join(data, 'recipes', name), text);
    await writeFile(
      join(data, 'kiln.yaml'),
      `farm_id: test\nrecipes_dir: recipes\nhttp:\n  addr: 127.0.0.1:0\norchestrator:\n  addr: 127.0.0.1:0\nagent:\n  addr: 127.0.0.1:0\n${options.config ?? ''}`,
    );
  }
  const args = ['--no-starter', '--log-format', 'logfmt', ...(options.args ?? [])];
  const kiln = startKiln(data, args, options.env);
  const url = (await untilReady(kiln)).http ?? '';
  const token = (await readFile(join(data, 'admin-token'), 'utf8')).trim();

  const api = async <T>(path: string, init: { method?: string; body?: unknown } = {}): Promise<T> => {
    const response = await fetch(`${url}${path}`, {
      method: init.method ?? 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    const text = await response.text();
    if (!response.ok) {
      const cause = response.status < 500 ? [] : kiln.noise.filter((line) => line.includes('level=error')).slice(-5);
      throw new Error([`${init.method ?? 'GET'} ${path}: ${response.status} ${text}`, ...cause].join('\n'));
    }
    return JSON.parse(text) as T;
  };
  const farm: Farm = {
    data,
    url,
    token,
    supervisor: kiln.process,
    log: () => kiln.noise.join('\n'),
    api,
    async start(recipe, version) {
      const started = await api<StartedRun>('/api/runs', {
        method: 'POST',
        body: { recipe, ...(version ? { version } : {}) },
      });
      return await until(`event ${started.eventId} is routed`, async () => {
        const event = await api<EventDetail>(`/api/events/${started.eventId}`);
        return event.status === 'done' || event.status === 'dead' ? event : null;
      });
    },
    async finished(runId, timeoutMs) {
      return await until(
        () => `run ${runId} is finished:\n${farm.log().slice(-4000)}`,
        async () => {
          const run = await api<RunDetail>(`/api/runs/${runId}`);
          return isFinishedRun(run.status) ? run : null;
        },
        timeoutMs,
      );
    },
    stop: async () => await stopKiln(kiln),
    async remove() {
      await farm.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
  return farm;
}

/** All runs of a farm, newest first (at most 200). */
export async function runsOf(farm: Farm): Promise<RunList['runs']> {
  return (await farm.api<RunList>('/api/runs?limit=200')).runs;
}

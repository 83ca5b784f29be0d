import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import type { RuntimeReadiness } from '@kiln/protocol/api.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { withLimit } from '@kiln/service/with-limit.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';

/** A database that does not answer within this counts as down. */
const DATABASE_LIMIT_MS = 2000;
/** Room on the disk in bytes below which nothing works for long: PostgreSQL's log grows by files of 16 MiB. */
const LEAST_ROOM = 16 * 1024 * 1024;
/** A loop that failed this often in a row, or whose round takes this much longer than its pause, is not alive. A slow upstream or a large publish may take minutes. */
const LOOP_FAILURES = 5;
const LOOP_STALL_MS = 600_000;

/** Whether the platform can do its job, and if not, why. */
export class Readiness {
  /** Set when the server listens and everything was started. */
  started = false;
  readonly #context: FarmContext;

  constructor(context: FarmContext) {
    this.#context = context;
  }

  /** Looks at everything once. Never throws; bounded in time. */
  async check(): Promise<RuntimeReadiness> {
    const { lifecycle } = this.#context;
    const [database, folder, blobs] = await Promise.all([this.#database(), this.#folder(), this.#blobs()]);
    const loops = this.#loops();
    const reasons = [
      ...(lifecycle.signal.aborted ? ['stopping'] : []),
      ...(this.started ? [] : ['startup_incomplete']),
      ...(database.ok ? [] : ['database_unavailable']),
      ...(folder.ok ? [] : ['data_directory_unavailable']),
      ...(loops.ok ? [] : ['loop_stalled']),
    ];
    const ready = reasons.length === 0;
    return {
      ready,
      status: ready ? 'ready' : 'not_ready',
      reason: reasons[0] ?? null,
      reasons,
      components: { database, data_directory: folder, blobs, loops },
    };
  }

  async #database(): Promise<Component> {
    return await component('answers', async () => {
      await withLimit(DATABASE_LIMIT_MS, 'no answer', async () => await this.#context.db`SELECT 1`);
    });
  }

  async #folder(): Promise<Component> {
    return await component('can be written', async () => {
      const { dataDir } = this.#context.config;
      await access(dataDir, constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(dataDir);
      if (bavail * bsize < LEAST_ROOM) throw new Error(`its disk is full: ${bavail * bsize} bytes are left`);
    });
  }

  /** Shown, but no reason not to be ready: without finished logs a platform still takes webhooks and shows all that runs. */
  async #blobs(): Promise<Component> {
    // Anyone may ask, so it does not say where that is.
    return await component('can be reached', async () => await this.#context.blobs.check());
  }

  #loops(): Component {
    const now = Date.now();
    const bad = this.#context.lifecycle
      .loops()
      .filter(
        (loop) =>
          loop.failures >= LOOP_FAILURES ||
          (!loop.unbounded && loop.runningSince !== null && now - loop.runningSince > LOOP_STALL_MS + loop.everyMs),
      );
    if (bad.length === 0) return { ok: true, message: 'all run' };
    return { ok: false, message: bad.map((loop) => `${loop.name}: ${loop.lastError ?? 'does not end'}`).join('; ') };
  }
}

type Component = RuntimeReadiness['components'][string];

async function component(good: string, look: () => Promise<void>): Promise<Component> {
  try {
    await look();
    return { ok: true, message: good };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

/** `GET /api/runtime/readiness`: open, 200 when the platform accepts work, 503 with reasons otherwise. */
export function addReadinessRoute(app: FastifyInstance, readiness: Readiness): void {
  registerRoute(app, 'GET /api/runtime/readiness', async (_request, reply) => {
    const state = await readiness.check();
    reply.code(state.ready ? 200 : 503);
    return state;
  });
}

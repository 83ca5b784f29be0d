import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EnrolResponse } from '@kiln/protocol/agent-messages.ts';
import { Compile } from 'typebox/compile';

/** Who the agent is for its farm: what enrolment gave. */
export type Identity = EnrolResponse;

/** Raised when the orchestrator refuses to enrol the agent. */
export class EnrolmentRefused extends Error {
  override name = 'EnrolmentRefused';
}

const ENROL_LIMIT_MS = 10_000;
const identity = Compile(EnrolResponse);

/** The file that keeps the identity, readable by its owner only. */
export class IdentityFile {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = join(stateDir, 'agent.json');
  }

  /** The identity, or null when there is none that can be read. */
  async read(): Promise<Identity | null> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#path, 'utf8'));
      return identity.Check(value) ? value : null;
    } catch {
      return null;
    }
  }

  async write(value: Identity): Promise<void> {
    await writeFile(`${this.#path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
  }

  async forget(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** Asks the orchestrator for an identity. Throws EnrolmentRefused, or any error of the way there. */
export async function enrol(base: URL, name: string, joinToken: string, signal: AbortSignal): Promise<Identity> {
  const response = await fetch(new URL('/agents/enrol', base), {
    method: 'POST',
    headers: { authorization: `Bearer ${joinToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(ENROL_LIMIT_MS)]),
  });
  const text = await response.text();
  if (response.status === 401 || response.status === 403) {
    throw new EnrolmentRefused(
      `the orchestrator at ${base.host} refused the join token; give this agent the one from the file join-token in the farm's data directory`,
    );
  }
  if (!response.ok)
    throw new Error(`enrolment at ${base.host} was answered with ${response.status}: ${text.slice(0, 200)}`);
  const value: unknown = JSON.parse(text);
  if (!identity.Check(value))
    throw new Error(`enrolment at ${base.host} was answered with something else than an identity`);
  return value;
}

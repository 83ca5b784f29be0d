import { hostname, userInfo } from 'node:os';
import type { JobDispatch } from '@kiln/protocol/agent-messages.ts';
import type { Workspace } from './workspace.ts';

/** What is known of the upstream once it was checked out; else from the order alone. */
export interface Source {
  commit: string | null;
  /** Seconds since the epoch, for builds that give the same bytes each time. */
  epoch: number;
}

/** Raised when the job asks for a secret that this agent does not have. */
export class MissingSecretError extends Error {
  override name = 'MissingSecretError';

  constructor(names: string[], agent: string) {
    const list = names.map((name) => `"${name}"`).join(', ');
    super(
      `the job needs ${names.length === 1 ? 'the secret' : 'the secrets'} ${list}, which agent ${agent} on ${hostname()} does not have; set ${names.length === 1 ? 'it' : 'them'} in the environment of the agent`,
    );
  }
}

/** The values of the job's secrets, as far as the agent's own environment has them. */
export function secretsOf(names: readonly string[], env = process.env): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** Throws MissingSecretError unless every name has a value. */
export function requireSecrets(names: readonly string[], values: Record<string, string>, agent: string): void {
  const missing = names.filter((name) => !(name in values));
  if (missing.length > 0) throw new MissingSecretError(missing, agent);
}

/** Everything that a step finds in its environment, without what the step itself adds. Nothing else is passed on. */
export function jobEnvironment(
  dispatch: JobDispatch,
  workspace: Workspace,
  source: Source,
  traceparent: string | null,
): Record<string, string> {
  const { upstream } = dispatch;
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: workspace.home,
    TMPDIR: workspace.tmp,
    LANG: 'C.UTF-8',
    USER,
    CI: 'true',
    KILN: 'true',
    KILN_RECIPE: dispatch.recipe,
    KILN_VERSION: dispatch.version,
    KILN_RUN_ID: dispatch.runId,
    KILN_JOB: dispatch.job.name,
    KILN_JOB_ID: dispatch.jobId,
    KILN_ATTEMPT: String(dispatch.attempt),
    KILN_REQUEST_ID: dispatch.requestId,
    ...(upstream ? { KILN_UPSTREAM: upstream.git, KILN_REF: upstream.ref } : {}),
    ...(source.commit ? { KILN_COMMIT: source.commit } : {}),
    KILN_WORKSPACE: workspace.work,
    SOURCE_DATE_EPOCH: String(source.epoch),
    ...(traceparent ? { TRACEPARENT: traceparent } : {}),
    ...dispatch.job.environment,
  };
}

const USER = userName();

/** A user that runs under a number without a name is called by the number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'kiln');
  }
}

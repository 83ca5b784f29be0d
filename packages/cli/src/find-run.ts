import type { RunList, RunSummary } from '@kiln/protocol/api.ts';
import type { Client } from './client.ts';
import { CliError } from './errors.ts';

const WHOLE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PREFIX = /^[0-9a-f][0-9a-f-]{3,35}$/;
/** Runs that a prefix is looked for in, newest first. */
const SEARCHED = 2000;

/** The id of the run that a whole id, or a prefix of at least four characters, names. Throws when it names none or several. */
export async function findRun(client: Client, given: string): Promise<string> {
  const id = given.toLowerCase();
  if (WHOLE.test(id)) return id;
  if (!PREFIX.test(id)) {
    throw new CliError(
      `"${given}" is not the id of a run; take at least four characters of one that kiln runs shows`,
      2,
    );
  }
  const found = await search(client, id);
  if (found.length === 0) throw new CliError(`no run begins with ${id}; kiln runs shows them`);
  if (found.length > 1) {
    const list = found.map((run) => `${run.runId} (${run.recipe} ${run.version})`).join(', ');
    throw new CliError(`${id} begins the ids of several runs: ${list}`);
  }
  return found[0]?.runId ?? id;
}

async function search(client: Client, prefix: string): Promise<RunSummary[]> {
  const found: RunSummary[] = [];
  let cursor: string | undefined;
  for (let seen = 0; seen < SEARCHED; ) {
    const page: RunList = await client.get('/api/runs', { limit: 200, cursor });
    found.push(...page.runs.filter((run) => run.runId.startsWith(prefix)));
    seen += page.runs.length;
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  return found;
}

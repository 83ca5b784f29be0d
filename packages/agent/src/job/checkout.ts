import type { Where } from '../log/where.ts';
import { git } from './git.ts';
import type { JobContext } from './job-context.ts';
import { type PlannedPhase, StepProblem, SUCCESS } from './step.ts';

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

interface Upstream {
  git: string;
  ref: string;
  commit: string | null;
}

/** The phase that brings the ordered commit of the upstream into the workspace. `onCommit` gets what was checked out. */
export function checkoutPhase(
  context: JobContext,
  upstream: Upstream,
  onCommit: (commit: string, commitTime: number) => void,
): PlannedPhase {
  return {
    name: 'checkout',
    weight: 0.25,
    steps: [
      {
        name: `git checkout ${context.masks.maskText(shortRef(upstream.ref))}`,
        always: false,
        continueOnError: false,
        run: async (where) => {
          const { commit, commitTime } = await checkOut(context, upstream, where);
          onCommit(commit, commitTime);
          return SUCCESS;
        },
      },
    ],
  };
}

async function checkOut(
  context: JobContext,
  upstream: Upstream,
  where: Where,
): Promise<{ commit: string; commitTime: number }> {
  const { log } = context;
  refuseOptions(upstream);
  hidePassword(context, upstream.git);
  log.say(`fetching ${upstream.commit ?? upstream.ref} from ${upstream.git}`, where);
  await must(context, ['init', '-q', '.'], where);
  const target = await fetch(context, upstream, where);
  await must(context, ['checkout', '-q', '--detach', target], where);
  const shown = await must(context, ['log', '-1', '--format=%H %ct %s'], where);
  const [, commit, seconds, subject] = /^(\S+) (\d+) ?(.*)/.exec(shown) ?? [];
  if (!commit || !seconds) throw failed(`git did not tell which commit it checked out: ${shown}`);
  log.say(`checked out ${commit}${subject ? `: ${subject}` : ''}`, where);
  return { commit, commitTime: Number(seconds) };
}

/** Fetches as little as the server allows. Returns what to check out. */
async function fetch(context: JobContext, upstream: Upstream, where: Where): Promise<string> {
  const { git: url, ref, commit } = upstream;
  if (commit === null) {
    await fetchRef(context, url, ref, where);
    return 'FETCH_HEAD';
  }
  // A tag is kept under its name, for builds that ask git for a version.
  const refspec = ref.startsWith('refs/tags/') ? `+${commit}:${ref}` : commit;
  if (await fetched(context, ['--depth', '1', url, refspec])) return commit;
  context.log.say(`the server does not give commits by their hash; fetching ${ref}`, where);
  await fetchRef(context, url, ref, where);
  const head = await must(context, ['rev-parse', 'FETCH_HEAD', 'FETCH_HEAD^{commit}'], where);
  const tips = head.split('\n');
  if (tips.includes(commit)) return commit;
  const tip = tips.at(-1) ?? head;
  if (ref.startsWith('refs/tags/')) {
    throw failed(`${ref} was moved: it points to ${tip} now, but ${commit} was ordered. Nothing was built`);
  }
  context.log.say(`${ref} went on to ${tip}; fetching its history`, where);
  await fetched(context, ['--unshallow', url, ref]);
  const known = await git(context, ['cat-file', '-e', `${commit}^{commit}`]);
  if (known.exitCode === 0) return commit;
  throw failed(`${commit} is not in the history of ${ref} any more, which points to ${tip} now. Nothing was built`);
}

/** Fetches the newest commit of a ref; all of its history where the server can't give less. Throws with git's words. */
async function fetchRef(context: JobContext, url: string, ref: string, where: Where): Promise<void> {
  const refspec = ref.startsWith('refs/tags/') ? `+${ref}:${ref}` : ref;
  const shallow = await git(context, ['fetch', '-q', '--no-tags', '--depth', '1', url, refspec]);
  if (shallow.exitCode === 0) return;
  if (/shallow/i.test(shallow.output)) {
    await must(context, ['fetch', '-q', '--no-tags', url, refspec], where);
    return;
  }
  throw said(context, shallow.output, where, `${ref} could not be fetched from ${url}`);
}

async function fetched(context: JobContext, args: string[]): Promise<boolean> {
  return (await git(context, ['fetch', '-q', '--no-tags', ...args])).exitCode === 0;
}

async function must(context: JobContext, args: string[], where: Where): Promise<string> {
  const { exitCode, output } = await git(context, args);
  if (exitCode === 0) return output;
  throw said(context, output, where, `git ${args[0]} failed`);
}

/** The failure for what git said, which goes to the log in full. */
function said(context: JobContext, output: string, where: Where, what: string): StepProblem {
  const sink = context.log.output(where);
  if (output) sink.write(Buffer.from(output));
  sink.end();
  const reason = output.split('\n').find((line) => /^(?:fatal|error): /.test(line));
  return failed(reason ? `${what}: ${reason.replace(/^(?:fatal|error): /, '')}` : what);
}

function failed(message: string): StepProblem {
  return new StepProblem('Checkout Failed', message);
}

/** Neither an address nor a ref may be taken for an option, and a hash must be whole. */
function refuseOptions({ git: url, ref, commit }: Upstream): void {
  for (const value of [url, ref]) {
    if (value.startsWith('-') || value === '') throw failed(`"${value}" is not an address or a ref of git`);
  }
  if (commit !== null && !COMMIT.test(commit)) throw failed(`"${commit}" is not the full hash of a commit`);
}

/** An address may hold a password; whatever prints it, the log does not show it. */
function hidePassword({ masks }: JobContext, address: string): void {
  const { password } = URL.canParse(address) ? new URL(address) : { password: '' };
  if (password) masks.add(decodeURIComponent(password));
  if (password) masks.add(password);
}

function shortRef(ref: string): string {
  return ref.replace(/^refs\/(?:tags|heads)\//, '');
}

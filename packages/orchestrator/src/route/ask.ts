import { compareVersions } from '@kiln/protocol/versions.ts';
import type { GitLimits } from '../watch/git.ts';
import { isBelow, matchTags, type TagMatch } from '../watch/match.ts';
import { defaultBranch, listTags } from '../watch/refs.ts';
import { branchVersion } from './clock-version.ts';
import { type Candidate, type Plan, planOf, type Question } from './plan.ts';

/** How many versions beside an unknown one are named. */
const NEIGHBOURS = 2;

/** Answers a question with what the upstream has now. Throws when it can't be asked. */
export async function askUpstream(question: Question, receivedAt: Date, limits: GitLimits): Promise<Plan> {
  const { recipe, version } = question;
  const base = { ...question, oncePerCommit: false };
  if (recipe.upstream.tags === null) {
    const { ref, commit } = await defaultBranch(recipe.upstream.git, limits);
    const made = version ?? branchVersion(ref, receivedAt, commit);
    return build({ ...base, version: made, fromClock: version === null, ref, commit });
  }
  const { matches } = matchTags(recipe.upstream, await listTags(recipe.upstream.git, limits));
  const match =
    version === null ? matches.at(-1) : matches.find((one) => one.version === version || one.tag === version);
  if (!match) return planOf({ reasons: [whyNone(question, matches)] });
  return build({
    ...base,
    version: match.version,
    fromClock: false,
    ref: `refs/tags/${match.tag}`,
    commit: match.commit,
  });
}

function build(candidate: Candidate): Plan {
  return planOf({ candidates: [candidate] });
}

function whyNone({ recipe, version }: Question, matches: readonly TagMatch[]): string {
  const { name, upstream } = recipe;
  if (version === null) return `the upstream of ${name} has no tag that matches ${upstream.tags}`;
  if (isBelow(upstream, version)) return `${name} ${version} is below its min_version ${upstream.minVersion}`;
  const higher = matches.findIndex((match) => compareVersions(match.version, version) > 0);
  const place = higher === -1 ? matches.length : higher;
  const near = matches.slice(Math.max(0, place - NEIGHBOURS), place + NEIGHBOURS).map((match) => match.version);
  const hint = near.length > 0 ? `; near it are ${near.join(', ')}` : '';
  return `the upstream of ${name} has no version ${version}${hint}`;
}

import type { Blocker } from '@kiln/store/routing.ts';
import type { Candidate } from './plan.ts';

/** Why a build does not start. */
export interface Refusal {
  recipe: string;
  version: string;
  reason: string;
  /** Only for now: a failure of it is being waited out. */
  waits: boolean;
}

/** A build starts, or is refused, or is the same as an earlier one of the batch (its place in the list). */
export type Judgement = { start: Candidate } | { refusal: Refusal } | { sameAs: number; candidate: Candidate };

/** Decides about the builds of one batch, in order. Of two that ask for the same, the first one starts. */
export function judge(candidates: readonly Candidate[], blockers: readonly (Blocker | null)[]): Judgement[] {
  const first = new Map<string, number>();
  return candidates.map((candidate, n) => {
    if (candidate.force) return { start: candidate };
    const blocker = blockers[n];
    if (blocker) return { refusal: refusal(candidate, blocker) };
    const keys = identities(candidate);
    const twin = keys.map((key) => first.get(key)).find((place) => place !== undefined);
    if (twin !== undefined) return { sameAs: twin, candidate };
    for (const key of keys) first.set(key, n);
    return { start: candidate };
  });
}

/** The refusal of a build that another run is, or was, about. */
export function sameRun(candidate: Candidate, runId: string, inProgress = true): Refusal {
  const { recipe, version } = candidate;
  const reason = inProgress
    ? `run ${runId} of ${recipe.name} ${version} is in progress`
    : `run ${runId} of ${recipe.name} built commit ${candidate.commit} already`;
  return { recipe: recipe.name, version, reason, waits: false };
}

/**
 * Gives builds whose version was made from the clock another one where it is taken: `.2`, `.3` and so on at its end.
 * `taken` holds `<recipe> <version>`.
 */
export function settleClockVersions(candidates: readonly Candidate[], taken: ReadonlySet<string>): Candidate[] {
  const last = new Map<string, number>();
  return candidates.map((candidate) => {
    if (!candidate.fromClock || candidate.oncePerCommit) return candidate;
    const wanted = `${candidate.recipe.name} ${candidate.version}`;
    let n = (last.get(wanted) ?? 0) + 1;
    while (taken.has(n === 1 ? wanted : `${wanted}.${n}`)) n++;
    last.set(wanted, n);
    return n === 1 ? candidate : { ...candidate, version: `${candidate.version}.${n}` };
  });
}

function identities({ recipe, version, oncePerCommit, ref, commit }: Candidate): string[] {
  const ofVersion = `${recipe.name} ${version}`;
  return oncePerCommit ? [ofVersion, `${recipe.name} ${ref} ${commit}`] : [ofVersion];
}

function refusal(candidate: Candidate, blocker: Blocker): Refusal {
  if ('runId' in blocker) return sameRun(candidate, blocker.runId, blocker.inProgress);
  const { recipe, version } = candidate;
  const reason = `${recipe.name} ${version} waits for its retry at ${blocker.waitsUntil.toISOString()}`;
  return { recipe: recipe.name, version, reason, waits: true };
}

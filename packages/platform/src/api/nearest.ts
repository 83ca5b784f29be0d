import { distance } from 'fastest-levenshtein';

/** The names most like a misspelt one, the nearest first: at most three, none when nothing is near. */
export function nearestNames(name: string, known: readonly string[]): string[] {
  const limit = Math.max(1, Math.floor(name.length / 3));
  return known
    .map((candidate) => ({ candidate, far: distance(name, candidate) }))
    .filter(({ candidate, far }) => far <= limit || candidate.startsWith(name) || name.startsWith(candidate))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

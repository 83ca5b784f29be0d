import type { Job } from '@kiln/protocol/recipe.ts';

/** How many jobs one recipe may have after its matrices are unfolded. */
export const MAX_JOBS = 256;

/** One cell of a matrix: values by axis, in the order of the recipe; empty for a job without a matrix. */
export type Combination = readonly (readonly [axis: string, value: string])[];

/** Every combination, the last axis changing fastest. Never more than MAX_JOBS + 1, which is enough to see that it is too many. */
export function unfold(matrix: Job['matrix']): Combination[] {
  let combinations: Combination[] = [[]];
  for (const [axis, values] of Object.entries(matrix ?? {})) {
    const words = [...new Set(values.map(String))];
    combinations = combinations
      .flatMap((combination) => words.map((value) => [...combination, [axis, value] as const]))
      .slice(0, MAX_JOBS + 1);
  }
  return combinations;
}

/** `test`, or `test (node=24, os=linux)`. */
export function jobName(name: string, combination: Combination): string {
  if (combination.length === 0) return name;
  return `${name} (${combination.map(([axis, value]) => `${axis}=${value}`).join(', ')})`;
}

/** `MATRIX_NODE=24` and so on. */
export function matrixEnvironment(combination: Combination): Record<string, string> {
  return Object.fromEntries(combination.map(([axis, value]) => [`MATRIX_${axis.toUpperCase()}`, value]));
}

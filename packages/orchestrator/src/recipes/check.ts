import type { Recipe } from '@kiln/protocol/recipe.ts';
import type { Issue } from '@kiln/service/schema-check.ts';
import { checkLimit, WAIT_LIMITS } from './check-duration.ts';
import { checkJobs } from './check-jobs.ts';
import { checkText } from './check-text.ts';
import { checkTriggers } from './check-triggers.ts';
import { checkUpstream } from './check-upstream.ts';
import { jobsOf } from './compile.ts';

/** Everything that is wrong with one recipe beyond its schema. */
export function checkRecipe(recipe: Recipe): Issue[] {
  return [
    ...checkText(recipe),
    ...checkUpstream(recipe),
    ...checkTriggers(recipe),
    ...checkJobs(recipe),
    ...(recipe.retries?.backoff ?? []).flatMap((wait, index) =>
      checkLimit(wait, ['retries', 'backoff', index], WAIT_LIMITS),
    ),
    ...checkPublish(recipe),
  ];
}

function checkPublish(recipe: Recipe): Issue[] {
  if (!recipe.publish || Object.values(jobsOf(recipe)).some((job) => job.artifacts?.length)) return [];
  const fix = 'say which files a job keeps, such as artifacts: [out/*]';
  return [{ path: ['publish'], onKey: true, message: 'publish has nothing to publish: no job keeps artifacts', fix }];
}

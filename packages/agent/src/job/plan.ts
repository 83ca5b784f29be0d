import { artifactsPhase } from './artifacts.ts';
import { checkoutPhase } from './checkout.ts';
import type { JobContext } from './job-context.ts';
import { scriptStep } from './script-step.ts';
import type { PlannedPhase } from './step.ts';

/** The phases of a job: the checkout, those of the recipe, and the artifacts, as far as the job has them. */
export function planPhases(
  context: JobContext,
  onCommit: (commit: string, commitTime: number) => void,
): PlannedPhase[] {
  const { job, upstream } = context.dispatch;
  const phases = job.phases.map(({ name, weight, steps }) => ({
    name: context.masks.maskText(name),
    weight,
    steps: steps.map((step) => scriptStep(context, step)),
  }));
  return [
    ...(job.checkout && upstream ? [checkoutPhase(context, upstream, onCommit)] : []),
    ...phases,
    ...(job.artifacts.length > 0 ? [artifactsPhase(context)] : []),
  ];
}

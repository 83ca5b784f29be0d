import type { Failure } from '@kiln/protocol/agent-messages.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { plainText } from '../log/causes.ts';
import type { Where } from '../log/where.ts';
import type { JobContext } from './job-context.ts';
import type { ProgressTracker } from './progress.ts';
import { type PlannedPhase, type PlannedStep, StepProblem, type StepResult } from './step.ts';

const MESSAGE_LIMIT = 1000;

/** Runs the phases in order and returns the first failure, or null. When the signal is aborted it ends early. */
export async function runPhases(
  context: JobContext,
  phases: readonly PlannedPhase[],
  progress: ProgressTracker,
): Promise<Failure | null> {
  let failure: Failure | null = null;
  for (const [index, phase] of phases.entries()) {
    const isDue = !context.signal.aborted && (failure === null || phase.steps.some((step) => step.always));
    if (!isDue) {
      const state = context.signal.aborted ? 'cancelled' : 'skipped';
      progress.phaseEnded(index, state, state);
      continue;
    }
    const found: Failure | null = await runPhase(context, phase, index, progress, failure !== null);
    failure ??= found;
  }
  return failure;
}

async function runPhase(
  context: JobContext,
  phase: PlannedPhase,
  index: number,
  progress: ProgressTracker,
  failedBefore: boolean,
): Promise<Failure | null> {
  const { log, signal } = context;
  const outside = { phase: index, step: -1 };
  const startedAt = performance.now();
  const { name } = phase;
  log.say(`▸ phase ${name}`, outside);
  progress.phaseStarted(index);
  let failure: Failure | null = null;
  for (const [number, step] of phase.steps.entries()) {
    if (signal.aborted) break;
    if ((failure || failedBefore) && !step.always) continue;
    const found: Failure | null = await runStep(context, step, phase, { phase: index, step: number }, progress);
    failure ??= found;
  }
  const took = formatDuration(performance.now() - startedAt);
  if (signal.aborted) {
    log.say(`■ phase ${name} was stopped after ${took}`, outside, 'WARN');
    progress.phaseEnded(index, 'cancelled', 'cancelled');
  } else if (failure) {
    log.say(`✘ phase ${name} failed after ${took}`, outside, 'ERROR');
    progress.phaseEnded(index, 'failed', 'skipped');
  } else {
    log.say(`✔ phase ${name} took ${took}`, outside);
    progress.phaseEnded(index, 'completed', 'skipped');
  }
  return failure;
}

async function runStep(
  context: JobContext,
  step: PlannedStep,
  phase: PlannedPhase,
  where: Where,
  progress: ProgressTracker,
): Promise<Failure | null> {
  const { log, masks, signal } = context;
  const startedAt = performance.now();
  progress.stepStarted(where, log.lines + 1);
  log.say(`$ ${step.name}`, where);
  const { exitCode, signal: killedBy, problem } = await outcome(step, where);
  const took = formatDuration(performance.now() - startedAt);
  const result = { exitCode, signal: killedBy };
  if (signal.aborted) {
    log.say(`■ ${step.name} was stopped after ${took}`, where, 'WARN');
    progress.stepEnded(where, 'cancelled', result);
    return null;
  }
  if (!problem) {
    log.say(`✔ ${step.name} (${took})`, where);
    progress.stepEnded(where, 'completed', result);
    return null;
  }
  const message = plainText(masks.maskText(problem.message), MESSAGE_LIMIT);
  const goesOn = step.continueOnError ? '; the job goes on, as the recipe says' : '';
  log.say(`✘ ${message} (${took})${goesOn}`, where, step.continueOnError ? 'WARN' : 'ERROR');
  progress.stepEnded(where, 'failed', result);
  if (step.continueOnError) return null;
  const cause = log.causes.of(where);
  return {
    class: problem.class,
    message,
    phase: plainText(phase.name, MESSAGE_LIMIT),
    step: plainText(step.name, MESSAGE_LIMIT),
    line: cause?.line ?? null,
    lineText: cause?.text ?? null,
    exitCode,
    signal: killedBy,
  };
}

/** What became of a step, also when Kiln itself could not do its part. */
async function outcome(step: PlannedStep, where: Where): Promise<StepResult> {
  try {
    return await step.run(where);
  } catch (error) {
    const problem =
      error instanceof StepProblem
        ? error.problem
        : { class: 'Agent Error' as const, message: error instanceof Error ? error.message : String(error) };
    return { exitCode: null, signal: null, problem };
  }
}

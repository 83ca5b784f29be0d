import type { AgentFinished, Failure } from '@kiln/protocol/agent-messages.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { plainText } from '../log/causes.ts';
import type { JobLog } from '../log/job-log.ts';
import type { Masks } from '../log/mask.ts';
import { OUTSIDE } from '../log/where.ts';
import type { ProgressTracker } from './progress.ts';
import type { Problem } from './step.ts';
import type { StopReason } from './stop-reason.ts';

const MESSAGE_LIMIT = 1000;

/** How an attempt ended. `reason` says why it was cancelled. */
export interface Verdict {
  outcome: AgentFinished['outcome'];
  failure: Failure | null;
  reason: string | null;
}

/** What a failure is told from: where the attempt was, and what it had said. */
export interface Witnesses {
  log: JobLog;
  masks: Masks;
  progress: ProgressTracker;
}

export function verdictOf(failure: Failure | null): Verdict {
  return { outcome: failure ? 'failed' : 'completed', failure, reason: null };
}

/** A failure of the attempt as a whole, in the step that ran. */
export function failedBy(problem: Problem, { log, masks, progress }: Witnesses): Verdict {
  const { phase, step } = progress.current;
  const report = progress.snapshot().phases[phase];
  const cause = log.causes.of({ phase, step });
  return verdictOf({
    class: problem.class,
    message: plainText(masks.maskText(problem.message), MESSAGE_LIMIT),
    phase: report?.name ?? null,
    step: report?.steps[step]?.name ?? null,
    line: cause?.line ?? null,
    lineText: cause?.text ?? null,
    exitCode: null,
    signal: null,
  });
}

/** The verdict on an attempt that was ended early. */
export function stoppedBy(stop: StopReason, witnesses: Witnesses): Verdict {
  if (stop.kind === 'timeout') {
    const message = `the job took longer than its limit of ${formatDuration(stop.limitMs)}`;
    return failedBy({ class: 'Timeout', message }, witnesses);
  }
  if (stop.kind === 'fault') return failedBy({ class: 'Agent Error', message: stop.message }, witnesses);
  const reason = stop.kind === 'cancel' ? plainText(witnesses.masks.maskText(stop.message), MESSAGE_LIMIT) : stop.kind;
  return { outcome: 'cancelled', failure: null, reason };
}

/** Puts the verdict into the last line of the log and into the progress. */
export function sayVerdict(verdict: Verdict, job: string, durationMs: number, { log, progress }: Witnesses): void {
  const took = formatDuration(durationMs);
  const { outcome, failure, reason } = verdict;
  if (outcome === 'completed') {
    log.say(`✔ job ${job} completed in ${took}`);
    progress.completed(`completed in ${took}`);
  } else if (outcome === 'cancelled') {
    log.say(`■ job ${job} was cancelled after ${took}: ${reason}`, OUTSIDE, 'WARN');
    progress.ended(`cancelled: ${reason}`);
  } else {
    log.say(`✘ job ${job} failed after ${took}: ${failure?.message}`, OUTSIDE, 'ERROR');
    progress.ended(failure?.message ?? 'failed');
  }
}

import type { FailureClass } from '@kiln/protocol/states.ts';
import type { Where } from '../log/where.ts';

/** Why a step did not succeed. */
export interface Problem {
  class: FailureClass;
  /** One sentence with the value that matters. */
  message: string;
}

export interface StepResult {
  exitCode: number | null;
  signal: string | null;
  /** Null: it succeeded. */
  problem: Problem | null;
}

/** Raised inside a step to end it with a problem. */
export class StepProblem extends Error {
  override name = 'StepProblem';
  readonly problem: Problem;

  constructor(failureClass: FailureClass, message: string) {
    super(message);
    this.problem = { class: failureClass, message };
  }
}

/** A step as it will be run, whether the recipe wrote it or Kiln adds it. */
export interface PlannedStep {
  name: string;
  /** Runs also after an earlier step failed. */
  always: boolean;
  /** The job goes on when it fails. */
  continueOnError: boolean;
  run: (where: Where) => Promise<StepResult>;
}

export interface PlannedPhase {
  name: string;
  weight: number;
  steps: PlannedStep[];
}

export const SUCCESS: StepResult = { exitCode: null, signal: null, problem: null };

import type { JobDispatch } from '@kiln/protocol/agent-messages.ts';
import type { FailureClass } from '@kiln/protocol/states.ts';
import type { JobLog, OutputSink, Where } from '../log/job-log.ts';
import type { Masks } from '../log/mask.ts';
import type { CommandOptions, CommandResult, ProcessTree } from '../process/process-tree.ts';
import type { Uploader } from './uploader.ts';
import type { Workspace } from './workspace.ts';

/** What the phases of a job work with. */
export interface JobContext {
  dispatch: JobDispatch;
  workspace: Workspace;
  log: JobLog;
  masks: Masks;
  processes: ProcessTree;
  uploader: Uploader;
  /** Aborted when the attempt shall end early. */
  signal: AbortSignal;
  /** Folder of what outlives jobs, such as git's configuration. */
  stateDir: string;
  /** What every step finds in its environment; complete after the checkout. */
  environment: Record<string, string>;
}

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

/** Runs a command with its output in the log. */
export async function runInLog(
  context: JobContext,
  where: Where,
  command: Omit<CommandOptions, 'sink' | 'onReader'>,
): Promise<CommandResult> {
  const output: OutputSink = context.log.output(where);
  let resume = () => {};
  const result = await context.processes.run({
    ...command,
    sink: {
      write: (chunk) => {
        const goOn = output.write(chunk);
        if (!goOn) context.log.onRoom(() => resume());
        return goOn;
      },
    },
    onReader: (go) => {
      resume = go;
    },
  });
  output.end();
  return result;
}

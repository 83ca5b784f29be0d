import { stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { resolve, sep } from 'node:path';
import type { CompiledStep } from '@kiln/protocol/compiled.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import type { Where } from '../log/where.ts';
import { type CommandResult, StartError } from '../process/process-tree.ts';
import { type JobContext, runInLog } from './job-context.ts';
import { type PlannedStep, StepProblem, type StepResult } from './step.ts';

const SHELLS = { sh: ['-e'], bash: ['-e', '-o', 'pipefail'] } as const;

/** A step of the recipe: its script, run by its shell in a folder of the workspace. */
export function scriptStep(context: JobContext, step: CompiledStep): PlannedStep {
  const name = context.masks.maskText(step.name);
  return {
    name,
    always: step.always,
    continueOnError: step.continueOnError,
    run: async (where) => await runScript(context, step, name, where),
  };
}

async function runScript(context: JobContext, step: CompiledStep, name: string, where: Where): Promise<StepResult> {
  const cwd = await workingDirectory(context, step);
  const script = context.workspace.script(step.run);
  let result: CommandResult;
  try {
    result = await runInLog(context, where, {
      file: step.shell,
      args: [...SHELLS[step.shell], script],
      cwd,
      env: { ...context.environment, ...step.environment },
      timeoutMs: step.timeoutMs,
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new StepProblem('Agent Error', `step "${name}": ${error.message}`);
  }
  const { exitCode, signal, timedOut, held } = result;
  if (held) {
    const words =
      'a process that this step started in the background still holds its output; the job goes on without it';
    context.log.say(words, where, 'WARN');
  }
  if (timedOut) {
    const limit = formatDuration(step.timeoutMs ?? 0);
    return {
      exitCode,
      signal,
      problem: { class: 'Timeout', message: `step "${name}" took longer than its limit of ${limit}` },
    };
  }
  if (signal !== null) {
    return {
      exitCode,
      signal,
      problem: { class: 'Command Killed', message: `step "${name}" was killed by ${signal}` },
    };
  }
  if (exitCode === 0) return { exitCode, signal, problem: null };
  const message = `step "${name}" ended with exit code ${exitCode}${hint(exitCode ?? 0)}`;
  return { exitCode, signal, problem: { class: 'Command Failed', message } };
}

/** A shell tells by a code above 128 that a command inside it was killed. */
function hint(exitCode: number): string {
  const [name] = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128) ?? [];
  return exitCode > 128 && name ? ` (a command in it was killed by ${name})` : '';
}

async function workingDirectory({ workspace }: JobContext, step: CompiledStep): Promise<string> {
  if (step.workingDirectory === null) return workspace.work;
  const folder = resolve(workspace.work, step.workingDirectory);
  if (folder !== workspace.work && !folder.startsWith(workspace.work + sep)) {
    throw new StepProblem('Command Failed', `working_directory "${step.workingDirectory}" is outside of the workspace`);
  }
  const found = await stat(folder).catch(() => null);
  if (!found?.isDirectory()) {
    throw new StepProblem(
      'Command Failed',
      `working_directory "${step.workingDirectory}" is not a folder in the workspace`,
    );
  }
  return folder;
}

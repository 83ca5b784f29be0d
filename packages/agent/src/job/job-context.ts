import type { JobDispatch } from '@kiln/protocol/agent-messages.ts';
import type { JobLog, OutputSink } from '../log/job-log.ts';
import type { Masks } from '../log/mask.ts';
import type { Where } from '../log/where.ts';
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

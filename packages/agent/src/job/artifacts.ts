import type { Where } from '../log/where.ts';
import { type ArtifactFile, findArtifacts } from './artifact-files.ts';
import type { JobContext } from './job-context.ts';
import { type PlannedPhase, SUCCESS } from './step.ts';

/** How many files travel at a time: enough to hide the way there and back. */
const PARALLEL = 4;

/** The phase that brings the job's artifacts to the orchestrator. */
export function artifactsPhase(context: JobContext): PlannedPhase {
  return {
    name: 'artifacts',
    weight: 0.25,
    steps: [
      {
        name: 'keep artifacts',
        always: false,
        continueOnError: false,
        run: async (where) => {
          await keepArtifacts(context, where);
          return SUCCESS;
        },
      },
    ],
  };
}

async function keepArtifacts(context: JobContext, where: Where): Promise<void> {
  const { dispatch, workspace, log } = context;
  const { files, passedOver } = await findArtifacts(workspace.work, dispatch.job.artifacts);
  for (const path of passedOver)
    log.say(`passed over ${path}: it leads out of the workspace or is no file`, where, 'WARN');
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file; file = queue.shift()) await keep(context, file, where);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

async function keep({ dispatch, uploader, signal, log }: JobContext, file: ArtifactFile, where: Where): Promise<void> {
  const wait = (reason: string) => log.say(`waiting to upload ${file.path}: ${reason}`, where, 'WARN');
  const sha256 = await uploader.upload(dispatch, file, signal, wait);
  log.say(`kept ${file.path} (${size(file.bytes)}, sha256 ${sha256})`, where);
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const exponent = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** exponent).toFixed(1)} ${['KiB', 'MiB', 'GiB'][exponent - 1]}`;
}

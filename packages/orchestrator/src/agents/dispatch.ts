import type { JobDispatch } from '@kiln/protocol/agent-messages.ts';
import type { ClaimedJob } from '@kiln/store/runs/claim.ts';

/** The message that gives a claimed job to its agent; the agent's spans continue the trace of the request. */
export function dispatchMessage(job: ClaimedJob): JobDispatch {
  return {
    type: 'job.dispatch',
    jobId: job.jobId,
    attempt: job.attempt,
    fence: job.fence,
    runId: job.runId,
    requestId: job.requestId,
    traceparent: job.traceparent,
    recipe: job.recipe,
    version: job.version,
    job: job.spec,
    upstream:
      job.upstream === null || job.ref === null ? null : { git: job.upstream, ref: job.ref, commit: job.commitHash },
    eventTime: Math.floor(job.eventTime.getTime() / 1000),
  };
}

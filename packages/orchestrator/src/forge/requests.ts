import type { ForgeConfig } from '@kiln/service/config-forges.ts';
import type { LeasedReport, ReportState } from '@kiln/store/forge-reports.ts';
import type { ReportMessage } from './messages.ts';

/** A call of a forge's API. `path` is below the base address of the API. */
export interface ForgeRequest {
  method: 'POST' | 'PATCH';
  path: string;
  body: Record<string, unknown>;
}

/** The longest description that each kind stores. */
const DESCRIPTION_LIMIT = { github: 140, gitea: 255, gitlab: 255 } as const;

/** GitHub and Gitea have no word for cancelled; `error` is what is neither good nor the build's own failure. */
const STATUS: Readonly<Record<ReportState, string>> = {
  queued: 'pending',
  running: 'pending',
  success: 'success',
  failure: 'failure',
  cancelled: 'error',
};
const GITLAB_STATE: Readonly<Record<ReportState, string>> = {
  queued: 'pending',
  running: 'running',
  success: 'success',
  failure: 'failed',
  cancelled: 'canceled',
};

/** The call that tells a forge how a run goes. */
export function requestFor(
  forge: Pick<ForgeConfig, 'kind' | 'report'>,
  report: LeasedReport,
  message: ReportMessage,
): ForgeRequest {
  if (forge.report === 'check-run') return checkRun(report, message);
  return forge.kind === 'gitlab' ? gitlabStatus(report, message) : commitStatus(forge.kind, report, message);
}

/** What tells Kiln's statuses on a commit apart from one another and from those of other systems. */
function contextOf(report: LeasedReport): string {
  return `kiln/${report.recipe}`;
}

function commitStatus(kind: 'github' | 'gitea', report: LeasedReport, message: ReportMessage): ForgeRequest {
  return {
    method: 'POST',
    path: `${repositoryPath(report)}/statuses/${report.commit}`,
    body: {
      state: STATUS[report.state],
      context: contextOf(report),
      description: message.description(DESCRIPTION_LIMIT[kind]),
      ...(message.link ? { target_url: message.link } : {}),
    },
  };
}

function gitlabStatus(report: LeasedReport, message: ReportMessage): ForgeRequest {
  // Without it GitLab looks for a branch that holds the commit, and refuses where only a tag does.
  const ref = report.ref?.replace(/^refs\/(heads|tags)\//, '');
  return {
    method: 'POST',
    path: `/projects/${encodeURIComponent(report.repository)}/statuses/${report.commit}`,
    body: {
      state: GITLAB_STATE[report.state],
      name: contextOf(report),
      description: message.description(DESCRIPTION_LIMIT.gitlab),
      ...(ref ? { ref } : {}),
      ...(message.link ? { target_url: message.link } : {}),
    },
  };
}

/** Made by the first report of an attempt, changed by the later ones. */
function checkRun(report: LeasedReport, message: ReportMessage): ForgeRequest {
  const runs = `${repositoryPath(report)}/check-runs`;
  const body = {
    ...checkState(report),
    ...(report.startedAt && report.state !== 'queued' ? { started_at: report.startedAt.toISOString() } : {}),
    external_id: report.runId,
    output: { title: message.title, summary: message.summary },
    ...(message.link ? { details_url: message.link } : {}),
  };
  if (report.remoteId !== null) return { method: 'PATCH', path: `${runs}/${report.remoteId}`, body };
  return { method: 'POST', path: runs, body: { name: contextOf(report), head_sha: report.commit, ...body } };
}

function checkState({ state, finishedAt }: LeasedReport): Record<string, unknown> {
  if (state === 'queued') return { status: 'queued' };
  if (state === 'running') return { status: 'in_progress' };
  return {
    status: 'completed',
    conclusion: state,
    ...(finishedAt ? { completed_at: finishedAt.toISOString() } : {}),
  };
}

function repositoryPath({ repository }: LeasedReport): string {
  return `/repos/${repository.split('/').map(encodeURIComponent).join('/')}`;
}

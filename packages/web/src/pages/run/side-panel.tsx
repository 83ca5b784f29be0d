import type { AttemptSummary, JobDetail, RunDetail } from '@kiln/protocol/api.ts';
import { ActionIcon } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Copy } from '../../parts/copy.tsx';
import { FileList } from '../../parts/file-list.tsx';
import { formatBytes, plural } from '../../parts/format.ts';
import { Empty } from '../../parts/notices.tsx';
import { Fact, Facts } from '../../parts/page.tsx';
import { Ago } from '../../parts/time.tsx';
import { Timeline } from '../../parts/timeline.tsx';
import { PANELS, type Panel } from './select.ts';
import css from './side-panel.module.css';

interface Shown {
  run: RunDetail;
  job: JobDetail | null;
  attempt: AttemptSummary | null;
}

const WORD: Record<Panel, string> = { details: 'Details', artifacts: 'Artifacts', timeline: 'Timeline' };

/** What is looked at now and then: the agent and the ids, what was made, the milestones over the tiers. */
export function SidePanel({ run, job, attempt, panel }: Shown & { panel: Panel }) {
  return (
    <aside className={css.panel} aria-label={WORD[panel]}>
      <div className={css.tabs}>
        {PANELS.map((each) => (
          <Link
            key={each}
            to="/runs/$runId"
            params={{ runId: run.runId }}
            search={(before) => ({ ...before, panel: each })}
            hash
            hashScrollIntoView={false}
            replace
            className={css.tab}
            aria-current={each === panel || undefined}
          >
            {WORD[each]}
          </Link>
        ))}
        <Link
          to="/runs/$runId"
          params={{ runId: run.runId }}
          search={({ panel: open, ...rest }) => rest}
          hash
          hashScrollIntoView={false}
          replace
          className={css.close}
          aria-label="Close the panel"
        >
          <ActionIcon component="span" size={28}>
            <IconX size={16} />
          </ActionIcon>
        </Link>
      </div>
      <div className={css.body}>
        {panel === 'details' && <Details run={run} job={job} attempt={attempt} />}
        {panel === 'artifacts' && <Made run={run} job={job} attempt={attempt} />}
        {panel === 'timeline' &&
          (run.timeline.length > 0 ? (
            <Timeline entries={run.timeline} />
          ) : (
            <Empty title="No milestones yet">They appear as the run goes through the tiers.</Empty>
          ))}
      </div>
    </aside>
  );
}

function Details({ run, job, attempt }: Shown) {
  return (
    <Facts>
      {job && (
        <>
          <Fact name="Job">{job.name}</Fact>
          <Fact name="Agent">{attempt?.agentName ?? 'none yet'}</Fact>
          <Fact name="Runs on">{job.labels.length > 0 ? job.labels.join(', ') : 'any agent'}</Fact>
          {job.needs.length > 0 && <Fact name="Needs">{job.needs.join(', ')}</Fact>}
          {attempt?.startedAt && (
            <Fact name="Started">
              <Ago at={attempt.startedAt} />
            </Fact>
          )}
          {attempt && (
            <Fact name="Log">
              {plural(attempt.lines, 'line')}, {formatBytes(attempt.logBytes)} stored
            </Fact>
          )}
          <Fact name="Job id">
            <Copy value={job.jobId} label="job id" />
          </Fact>
        </>
      )}
      <Fact name="Run id">
        <Copy value={run.runId} label="run id" />
      </Fact>
      <Fact name="Request id">
        <Copy value={run.requestId} label="request id" />
      </Fact>
      {run.commit && (
        <Fact name="Commit">
          <Copy value={run.commit} label="commit" />
        </Fact>
      )}
      {run.ref && (
        <Fact name="Ref">
          <span className="mono">{run.ref}</span>
        </Fact>
      )}
    </Facts>
  );
}

function Made({ run, attempt, job }: Shown) {
  const artifacts = job?.artifacts.filter((each) => each.attempt === attempt?.attempt) ?? [];
  return (
    <div className={css.made}>
      {run.packages.map((made) => (
        <section key={`${made.repository} ${made.package} ${made.version}`}>
          <h3>
            <Link to="/packages" search={{ q: made.package, open: `${made.repository}/${made.package}` }}>
              {made.package} {made.version}
            </Link>{' '}
            <span className="dim">
              published to {made.repository} <Ago at={made.publishedAt} />
            </span>
          </h3>
          <FileList files={made.files} />
        </section>
      ))}
      {artifacts.length > 0 && (
        <section>
          <h3>Artifacts of this attempt</h3>
          <FileList files={artifacts.map(({ path, bytes, sha256 }) => ({ name: path, bytes, sha256 }))} />
        </section>
      )}
      {artifacts.length === 0 && run.packages.length === 0 && (
        <Empty title="Nothing made yet">
          Files that match <code>artifacts</code> in the recipe are kept when the job is complete.
        </Empty>
      )}
    </div>
  );
}

import type { AttemptSummary, JobDetail, RunDetail } from '@kiln/protocol/api.ts';
import { Button, Select } from '@mantine/core';
import { IconLayoutSidebarRight, IconPlayerStop, IconRefresh } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { actions } from '../../api/actions.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { Copy } from '../../parts/copy.tsx';
import { shortCommit, shortId, shortRef } from '../../parts/format.ts';
import { Status, statusWord } from '../../parts/status.tsx';
import { Ago } from '../../parts/time.tsx';
import css from './run.module.css';
import type { Panel } from './select.ts';

/** Which run this is, how it is, where it comes from, and what may be done with it. */
export function RunHeader({
  run,
  job,
  attempt,
  panel,
}: {
  run: RunDetail;
  job: JobDetail | null;
  attempt: AttemptSummary | null;
  panel: Panel | undefined;
}) {
  const navigate = useNavigate({ from: '/runs/$runId' });
  return (
    <header className={css.header}>
      <div className={css.titles}>
        <h1>
          <Link to="/recipes/$name" params={{ name: run.recipe }}>
            {run.recipe}
          </Link>{' '}
          <span className="mono">{run.version}</span>
          <span className={css.status}>
            <Status status={run.status} size={20} />
          </span>
        </h1>
        <p className={css.origin}>
          <span>
            {run.trigger}
            {run.ref ? <span className="mono"> {shortRef(run.ref)}</span> : ''}, by {run.by}
          </span>
          <span>
            <Ago at={run.createdAt} />
          </span>
          {run.commit && (
            <span>
              commit{' '}
              <Copy value={run.commit} label="commit">
                {shortCommit(run.commit)}
              </Copy>
            </span>
          )}
          <span>
            run{' '}
            <Copy value={run.runId} label="run id">
              {shortId(run.runId)}
            </Copy>
          </span>
          <Link to="/trace" search={{ id: run.requestId }} className={css.trace}>
            Trace
          </Link>
        </p>
      </div>
      <div className={css.actions}>
        {job && job.attempts.length > 1 && (
          <Select
            aria-label="Attempt"
            w={168}
            allowDeselect={false}
            data={job.attempts
              .toSorted((a, b) => b.attempt - a.attempt)
              .map((each) => ({
                value: String(each.attempt),
                label: `Attempt ${each.attempt} · ${statusWord(each.status)}`,
              }))}
            value={attempt ? String(attempt.attempt) : null}
            onChange={(value) =>
              void navigate({
                search: (before) => ({ ...before, job: job.name, ...(value ? { attempt: value } : {}) }),
                replace: true,
              })
            }
          />
        )}
        <Button
          leftSection={<IconLayoutSidebarRight size={15} />}
          aria-expanded={panel !== undefined}
          onClick={() =>
            void navigate({
              search: ({ panel: open, ...rest }) => (open ? rest : { ...rest, panel: 'details' as const }),
              hash: true,
              replace: true,
            })
          }
        >
          Details
        </Button>
        <RunActions run={run} />
      </div>
    </header>
  );
}

const CANCEL = {
  label: 'Cancel',
  confirm: 'Cancel the run',
  children: 'What runs is stopped on its agents and cleaned up. The log stays. The run can be tried again later.',
};
const STOP_RETRYING = {
  label: 'Stop retrying',
  confirm: 'Stop retrying',
  children: 'The run stays failed and is not tried again by itself. You can still try it again by hand.',
};

/** Cancel and Retry, where they are allowed. */
export function RunActions({ run }: { run: RunDetail }) {
  const client = useQueryClient();
  const navigate = useNavigate({ from: '/runs/$runId' });
  const after = () => client.invalidateQueries({ queryKey: ['run', run.runId] });
  return (
    <>
      {run.actions.includes('cancel') && (
        <ConfirmButton
          {...(run.status === 'failed' ? STOP_RETRYING : CANCEL)}
          icon={<IconPlayerStop size={15} />}
          title={`${run.status === 'failed' ? 'Stop retrying' : 'Cancel'} ${run.recipe} ${run.version}?`}
          danger
          run={async () => {
            await actions.cancelRun(run.runId);
            await after();
          }}
        />
      )}
      {run.actions.includes('retry') && (
        <ActionButton
          leftSection={<IconRefresh size={15} />}
          variant={run.status === 'failed' ? 'filled' : 'default'}
          failure="The run was not tried again"
          run={async () => {
            await actions.retryRun(run.runId);
            await after();
            // What was selected belongs to the attempt before.
            await navigate({ search: ({ attempt, ...rest }) => rest, replace: true });
          }}
        >
          Retry now
        </ActionButton>
      )}
    </>
  );
}

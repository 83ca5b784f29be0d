import type { Overview } from '@kiln/protocol/api.ts';
import { Button } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { queries } from '../../api/queries.ts';
import { useListKeys } from '../../parts/keys.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { RunLines } from '../../parts/run-line.tsx';
import { useShell } from '../../shell/shell-context.ts';
import { Agents } from './agents.tsx';
import { Failing } from './failing.tsx';
import { Figures } from './figures.tsx';
import { Health } from './health.tsx';
import css from './overview.module.css';
import { Published } from './published.tsx';

/** Is the farm well, and what is it doing? */
export function OverviewPage() {
  const shell = useShell();
  const query = useQuery(queries.overview);
  return (
    <Page
      title="Overview"
      actions={
        <Button leftSection={<IconPlayerPlay size={15} />} onClick={() => shell.openRunDialog()}>
          Run recipe…
        </Button>
      }
    >
      <Loaded query={query} what="The overview" skeleton={<SkeletonRows rows={12} />}>
        {(overview) => <Content overview={overview} />}
      </Loaded>
    </Page>
  );
}

function Content({ overview }: { overview: Overview }) {
  const lists = useRef<HTMLDivElement>(null);
  useListKeys(lists);
  return (
    <>
      <Health overview={overview} />
      <Figures overview={overview} />
      <div ref={lists} className={css.columns}>
        <div className={css.column}>
          <Section title="Running now" aside={<Link to="/runs">All runs</Link>}>
            {overview.running.length > 0 ? (
              <RunLines runs={overview.running} />
            ) : (
              <Empty title="Nothing runs at the moment">
                A run begins when a watched upstream has a new tag, when a webhook or a schedule says so, or when you
                start one with “Run recipe…”.
              </Empty>
            )}
          </Section>
          {overview.failing.length > 0 && <Failing failing={overview.failing} />}
        </div>
        <div className={css.column}>
          <Published packages={overview.published} />
          <Agents agents={overview.agents} />
        </div>
      </div>
    </>
  );
}

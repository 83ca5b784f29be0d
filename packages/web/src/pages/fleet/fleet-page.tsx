import type { AgentSummary } from '@kiln/protocol/api.ts';
import { useQuery } from '@tanstack/react-query';
import { queries } from '../../api/queries.ts';
import { Connected, Slots } from '../../parts/agent.tsx';
import { Commands, Copy } from '../../parts/copy.tsx';
import { plural } from '../../parts/format.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { Ago, Elapsed } from '../../parts/time.tsx';
import css from './fleet.module.css';

/** Where the capacity is, who is busy, and what is away. */
export function FleetPage() {
  const query = useQuery(queries.agents);
  return (
    <Page title="Fleet" lead="The machines that run jobs">
      <Loaded query={query} what="The agents" skeleton={<SkeletonRows rows={4} height={44} />}>
        {({ agents }) => {
          if (agents.length === 0) {
            return (
              <Empty title="No agent has joined yet">
                <p>Jobs wait until one does.</p>
              </Empty>
            );
          }
          const connected = agents.filter((agent) => agent.connected);
          const slots = connected.reduce((sum, agent) => sum + agent.slots, 0);
          const busy = connected.reduce((sum, agent) => sum + agent.busy, 0);
          return (
            <Section
              title={plural(agents.length, 'agent')}
              note={`${connected.length} connected, ${busy} of ${plural(slots, 'slot')} busy`}
            >
              <ul>
                {agents.map((agent) => (
                  <AgentLine key={agent.agentId} agent={agent} />
                ))}
              </ul>
            </Section>
          );
        }}
      </Loaded>
      <Section title="Add an agent">
        <p className={css.add}>
          On the other machine, with a copy of the file <code>join-token</code> from the data directory of this farm.
          The port is the orchestrator’s:
        </p>
        <Commands
          label="command to start an agent"
          lines={`kiln agent --orchestrator ws://${location.hostname}:10143 --join-token-file join-token`}
        />
      </Section>
    </Page>
  );
}

function AgentLine({ agent }: { agent: AgentSummary }) {
  return (
    <li className={css.line} data-away={!agent.connected || undefined}>
      <div>
        <p>
          <b>{agent.name}</b>
        </p>
        <p className={css.small}>
          <Copy value={agent.agentId} label="agent id">
            {agent.agentId.slice(0, 8)}
          </Copy>
        </p>
      </div>
      <div>
        <Connected agent={agent} word />
        <p className={css.small}>
          {agent.connected && agent.connectedAt ? (
            <>
              for <Elapsed from={agent.connectedAt} to={null} />
            </>
          ) : (
            <>
              last seen <Ago at={agent.lastSeenAt} />
            </>
          )}
        </p>
      </div>
      <div>
        <p>{agent.host}</p>
        <p className={css.small}>
          {agent.os} {agent.arch}, Kiln {agent.version}
        </p>
      </div>
      <Slots agent={agent} />
      <ul className={css.labels} aria-label="Labels">
        {agent.labels.map((label) => (
          <li key={label}>
            <Copy value={label} label="label" />
          </li>
        ))}
      </ul>
    </li>
  );
}

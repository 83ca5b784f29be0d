import type { AgentSummary } from '@kiln/protocol/api.ts';
import { Link } from '@tanstack/react-router';
import { Connected, Slots } from '../../parts/agent.tsx';
import { Empty } from '../../parts/notices.tsx';
import { Section } from '../../parts/page.tsx';
import css from './list.module.css';

/** Where the capacity is. */
export function Agents({ agents }: { agents: AgentSummary[] }) {
  return (
    <Section title="Agents" aside={<Link to="/fleet">Fleet</Link>}>
      {agents.length === 0 ? (
        <Empty title="No agent has joined">
          Jobs wait until one does. The <Link to="/fleet">Fleet page</Link> says how.
        </Empty>
      ) : (
        <ul>
          {agents.map((agent) => (
            <li key={agent.agentId} className={css.line}>
              <Connected agent={agent} />
              <span className={css.name}>
                <b>{agent.name}</b>
              </span>
              <span className={css.end}>
                <Slots agent={agent} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

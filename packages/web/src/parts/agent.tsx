import type { AgentSummary } from '@kiln/protocol/api.ts';
import { IconPlugConnected, IconPlugConnectedX } from '@tabler/icons-react';
import css from './agent.module.css';

/** Whether an agent is there, as an icon and a word; `word` shows the word, else it is for screen readers. */
export function Connected({ agent, word }: { agent: AgentSummary; word?: boolean }) {
  const Icon = agent.connected ? IconPlugConnected : IconPlugConnectedX;
  return (
    <span className={css.connected} data-connected={agent.connected}>
      <Icon size={16} stroke={1.8} aria-hidden />
      <span className={word ? undefined : 'visually-hidden'}>{agent.connected ? 'Connected' : 'Away'}</span>
    </span>
  );
}

/** More slots than this are only counted. */
const MOST_DOTS = 12;

/** How many of an agent's slots are busy: a square each. */
export function Slots({ agent }: { agent: AgentSummary }) {
  return (
    <span className={css.slots} title={`${agent.busy} of ${agent.slots} slots busy`}>
      {agent.slots <= MOST_DOTS && (
        <span className={css.dots} aria-hidden>
          {Array.from({ length: agent.slots }, (_, slot) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: slots are all alike
            <i key={slot} data-busy={slot < agent.busy || undefined} />
          ))}
        </span>
      )}
      {agent.busy} of {agent.slots} busy
    </span>
  );
}

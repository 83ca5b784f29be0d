import type { AgentSummary } from '@kiln/protocol/api.ts';
import type { Queryable } from '../database.ts';
import { iso } from './time.ts';

interface AgentRow extends Omit<AgentSummary, 'connectedAt' | 'lastSeenAt'> {
  connectedAt: Date | null;
  lastSeenAt: Date;
}

/** How long ago an agent may have been heard last and still count as connected: its orchestrator may have been killed. */
const SILENCE_SECONDS = 90;

/** Every enrolled agent, the connected ones first, then by name. */
export async function readAgents(sql: Queryable): Promise<AgentSummary[]> {
  const rows = await sql<AgentRow[]>`
    SELECT g.agent_id, g.name, g.host, g.os, g.arch, g.version, g.labels, g.slots, g.connected_at, g.last_seen_at,
      (SELECT count(*) FROM jobs j WHERE j.agent_id = g.agent_id AND j.status IN ('started', 'building', 'cancelling')) AS busy,
      g.instance IS NOT NULL AND g.last_seen_at > now() - ${SILENCE_SECONDS} * interval '1 second' AS connected
    FROM agents g ORDER BY connected DESC, g.name, g.agent_id LIMIT 1000`;
  return rows.map((row) => ({ ...row, connectedAt: iso(row.connectedAt), lastSeenAt: iso(row.lastSeenAt) }));
}

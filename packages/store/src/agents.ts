import type { AgentHello } from '@kiln/protocol/agent-messages.ts';
import type { Queryable } from './database.ts';

/** Writes down that an agent is connected to this orchestrator. */
export async function connectAgent(
  sql: Queryable,
  agentId: string,
  hello: AgentHello,
  instance: string,
): Promise<void> {
  await sql`
    UPDATE agents SET name = ${hello.name}, host = ${hello.host}, os = ${hello.os}, arch = ${hello.arch}, version = ${hello.version},
      labels = ${hello.labels}, slots = ${hello.slots}, memory = ${hello.memory}, instance = ${instance}, connected_at = now(), last_seen_at = now()
    WHERE agent_id = ${agentId}`;
}

/** Writes down that its socket is closed, unless it has connected elsewhere since. */
export async function disconnectAgent(sql: Queryable, agentId: string, instance: string): Promise<void> {
  await sql`UPDATE agents SET instance = NULL, last_seen_at = now() WHERE agent_id = ${agentId} AND instance = ${instance}`;
}

/** Refreshes last_seen of every agent that is connected here. Returns those of these ids that are: the others connected elsewhere since. */
export async function seeAgents(sql: Queryable, agentIds: readonly string[], instance: string): Promise<Set<string>> {
  const seen = await sql<{ agentId: string }[]>`
    UPDATE agents SET last_seen_at = now() WHERE agent_id = ANY (${agentIds as string[]}::uuid[]) AND instance = ${instance}
    RETURNING agent_id`;
  return new Set(seen.map(({ agentId }) => agentId));
}

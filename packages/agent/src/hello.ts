import { hostname, totalmem } from 'node:os';
import type { AgentHello, AttemptReference, LostAttempt } from '@kiln/protocol/agent-messages.ts';
import { VERSION } from '@kiln/service/version.ts';

/** What an agent says about itself, apart from the attempts that it holds. */
export interface AgentFacts {
  name: string;
  slots: number;
  /** Those that the operator gave it. */
  labels: readonly string[];
}

/** The first message on a connection. */
export function helloOf(facts: AgentFacts, running: AttemptReference[], lost: LostAttempt[]): AgentHello {
  return {
    type: 'hello',
    version: VERSION,
    name: facts.name,
    host: hostname(),
    os: process.platform,
    arch: process.arch,
    labels: labelsOf(facts),
    slots: facts.slots,
    memory: totalmem(),
    running,
    lost,
  };
}

/** The labels that Kiln gives every agent, then those of the operator. The plain words make `runs-on: linux` work. */
export function labelsOf({ name, labels }: AgentFacts): string[] {
  const host = hostname();
  const own = [
    `kiln:host:${host}`,
    `host:${host}`,
    `os:${process.platform}`,
    `arch:${process.arch}`,
    `agent:${name}`,
    process.platform,
    process.arch,
  ];
  return [...new Set([...own, ...labels])];
}

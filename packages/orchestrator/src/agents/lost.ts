import type { Failure } from '@kiln/protocol/agent-messages.ts';

const NOWHERE = { phase: null, step: null, line: null, lineText: null, exitCode: null, signal: null };

/** Why an attempt ended that its agent could not end itself: `agent builder-1 stopped answering`. */
export function agentLost(agent: string, how: string): Failure {
  return { class: 'Agent Lost', message: `agent ${agent} ${how}`, ...NOWHERE };
}

/** The database can't keep what the agent said. Not in the agent's words, which are what it refuses. */
export function agentRefused(agent: string, code: string): Failure {
  const message = `agent ${agent} said something that can't be stored (${code}); the log of the orchestrator has the details`;
  return { class: 'Agent Error', message, ...NOWHERE };
}

/** The agent is there, but did not end the attempt when it had to. */
export function agentDisobeyed(agent: string, reason: 'cancel' | 'deadline'): Failure {
  return reason === 'cancel'
    ? { class: 'Agent Error', message: `agent ${agent} did not end within 60 s of being cancelled`, ...NOWHERE }
    : { class: 'Timeout', message: `agent ${agent} did not end the job at its time limit`, ...NOWHERE };
}

/** The last line of a log that its agent did not end. */
export function lastWords({ message }: Failure): string {
  return `${message}; what the job printed and the agent had not handed over by then is missing`;
}

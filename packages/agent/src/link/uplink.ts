import type { AgentMessage } from '@kiln/protocol/agent-messages.ts';

/** The way to the orchestrator, as the jobs see it. */
export interface Uplink {
  /** Sends a message; false when there is no welcomed connection now. */
  send(message: AgentMessage): boolean;
  /** Sends a log frame; false as above. */
  sendFrame(frame: Uint8Array): boolean;
}

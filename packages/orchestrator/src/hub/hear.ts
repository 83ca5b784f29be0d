import { AgentMessage } from '@kiln/protocol/agent-messages.ts';
import { decodeFrame, FrameError } from '@kiln/protocol/frame.ts';
import type { Logger } from '@kiln/service/log.ts';
import { Compile } from 'typebox/compile';
import type { Turns } from '../turn/turns.ts';
import type { Connection } from './connection.ts';

const message = Compile(AgentMessage);

/**
 * Reads a text message of an agent. What a newer agent says beyond the protocol is left out, and what no database keeps
 * (a NUL, half a character) is replaced. Throws with the place of the mistake.
 */
export function parseMessage(data: Buffer): AgentMessage {
  const text = data.toString('utf8');
  // Either of them is always written as an escape.
  const value: unknown = text.includes('\\u') ? JSON.parse(text, storable) : JSON.parse(text);
  if (message.Check(value)) return message.Clean(value) as AgentMessage;
  const [first] = message.Errors(value);
  throw new Error(`not a message of the protocol: ${first?.instancePath ?? ''} ${first?.message ?? ''}`);
}

function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd').toWellFormed() : value;
}

/** Puts what a greeted agent says into the turns. Throws on what the protocol does not allow. */
export function hear(connection: Connection, said: AgentMessage, turns: Turns, log: Logger): void {
  switch (said.type) {
    case 'hello':
      throw new Error('a second hello');
    case 'metrics':
      connection.metricsText = said.text;
      return;
    case 'agent.log': {
      const { level, msg, ...fields } = said.line;
      const write = level === 'error' ? 'error' : level === 'warn' ? 'warn' : 'info';
      log[write]({ ...fields, service: 'agent', agentId: connection.agentId }, String(msg));
      return;
    }
  }
  const { jobId, attempt, fence } = said;
  const held = connection.holding(said);
  if (!held) {
    // A last word is acknowledged all the same: there is nothing left to say about that attempt.
    const type = said.type === 'job.finished' ? 'job.finished.ack' : 'job.stop';
    connection.send({ type, jobId, attempt, fence });
    return;
  }
  if (said.type !== 'job.finished') {
    turns.report({ jobId, attempt, fence, progress: said.progress, building: said.type === 'job.building' });
    return;
  }
  if (said.lastSequence > held.received) {
    throw new Error(`job ${jobId} ended with frame ${said.lastSequence}, but only ${held.received} came`);
  }
  const { outcome, failure, progress, lastSequence } = said;
  turns.finish({ jobId, attempt, fence, outcome, failure, progress, lastSequence, requeueBelow: 0 });
}

/** Puts a log frame into the turns. One that is behind changes nothing, one that is ahead is refused. */
export function hearFrame(connection: Connection, data: Buffer, turns: Turns): void {
  const { header } = decodeFrame(data);
  const held = connection.held.get(header.job);
  // A frame of an attempt that was taken away: the agent has a job.stop on its way.
  if (held?.attempt !== header.attempt || header.sequence <= held.received) return;
  if (header.sequence !== held.received + 1) {
    throw new FrameError(`frame ${header.sequence} of job ${header.job} came after frame ${held.received}`);
  }
  if (header.firstLine !== held.nextLine) {
    throw new FrameError(
      `frame ${header.sequence} of job ${header.job} begins with line ${header.firstLine}, not with ${held.nextLine}`,
    );
  }
  connection.owe(held, data.length);
  held.received = header.sequence;
  held.nextLine = header.firstLine + header.lines;
  const times = header.runs.map((run) => run[1]);
  const { sequence, firstLine, lines, bytes } = header;
  turns.frame({
    jobId: header.job,
    attempt: header.attempt,
    fence: held.fence,
    sequence,
    firstLine,
    lines,
    bytes,
    firstTime: times.reduce((least, time) => Math.min(least, time)),
    lastTime: times.reduce((most, time) => Math.max(most, time)),
    data,
  });
}

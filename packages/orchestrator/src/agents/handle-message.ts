import { AgentMessage, type Progress } from '@kiln/protocol/agent-messages.ts';
import { decodeFrame, FrameError } from '@kiln/protocol/frame.ts';
import { type Logger, relayOf } from '@kiln/service/log.ts';
import { Compile } from 'typebox/compile';
import type { BatchCommitter } from '../commit/batch-committer.ts';
import { relayLine } from './agent-log.ts';
import type { Connection } from './connection.ts';

/** A schema for each type of message: trying them one by one would cost more than the rest of handling it. */
const messages = new Map(AgentMessage.anyOf.map((schema) => [schema.properties.type.const as string, Compile(schema)]));

/** Largest message other than a frame in bytes: several times what the longest recipe's progress takes. */
const MOST_TEXT = 1024 * 1024;

/**
 * Reads a text message of an agent. What no database keeps (a NUL, half a character) is replaced. Throws with the place
 * of the mistake.
 */
export function parseMessage(data: Buffer): AgentMessage {
  if (data.length > MOST_TEXT) throw new Error(`a message of ${data.length} bytes; ${MOST_TEXT} are allowed`);
  const text = data.toString('utf8');
  // Either of them is always written as an escape.
  const value: unknown = text.includes('\\u') ? JSON.parse(text, storable) : JSON.parse(text);
  const type = typeof value === 'object' && value !== null && 'type' in value ? String(value.type) : '';
  const message = messages.get(type);
  if (!message) throw new Error(`"${type.slice(0, 40)}" is not a message of the protocol`);
  if (isMessage(message, value)) return value;
  const [first] = message.Errors(value);
  throw new Error(`not a ${type} of the protocol: ${first?.instancePath ?? ''} ${first?.message ?? ''}`);
}

/** Whether a value is the message that its `type` says. */
function isMessage(message: { Check(value: unknown): boolean }, value: unknown): value is AgentMessage {
  return message.Check(value);
}

function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd').toWellFormed() : value;
}

/** Gives what a greeted agent says to the committer. Throws on what the protocol does not allow. */
export function handleMessage(
  connection: Connection,
  said: AgentMessage,
  committer: BatchCommitter,
  log: Logger,
): void {
  switch (said.type) {
    case 'hello':
      throw new Error('a second hello');
    case 'metrics':
      connection.metricsText = said.text;
      return;
    case 'agent.log': {
      const leftOut = connection.admitLine();
      if (leftOut === null) return;
      const { agentId } = connection;
      if (leftOut > 0) log.warn({ agentId, lines: leftOut }, 'an agent logs too much; lines were left out');
      relayLine(relayOf(log), agentId, said.line);
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
  const progress = known(said.progress);
  if (said.type !== 'job.finished') {
    committer.report({ jobId, attempt, fence, progress, building: said.type === 'job.building' });
    return;
  }
  if (said.lastSequence > held.received) {
    throw new Error(`job ${jobId} ended with frame ${said.lastSequence}, but only ${held.received} came`);
  }
  const { outcome, failure, lastSequence } = said;
  committer.finish({ jobId, attempt, fence, outcome, failure, progress, lastSequence, requeueBelow: 0 });
}

/** What this version knows of a progress: what a newer agent says beyond it is not kept. */
function known({ percent, text, phases }: Progress): Progress {
  return {
    percent,
    text,
    phases: phases.map(({ name, weight, state, startedAt, finishedAt, steps }) => ({
      name,
      weight,
      state,
      startedAt,
      finishedAt,
      steps: steps.map((step) => ({
        name: step.name,
        state: step.state,
        startedAt: step.startedAt,
        finishedAt: step.finishedAt,
        exitCode: step.exitCode,
        signal: step.signal,
        firstLine: step.firstLine,
      })),
    })),
  };
}

/** Gives a log frame to the committer. One that is behind changes nothing, one that is ahead is refused. */
export function handleFrame(connection: Connection, data: Buffer, committer: BatchCommitter): void {
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
  committer.frame({
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

import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { FrameHeader } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import type { BuildInfo } from '@kiln/protocol/vm-build.ts';
import { inflateText, readFrame } from '@kiln/store/logs/read-frame.ts';
import { contextOf, timestampOf } from './entry.ts';
import { sessionOf } from './format.ts';

/** Lines that are made into messages at a time. */
const CHUNK_LINES = 256;
/** Messages of a frame of no more lines are made once for all who read it, and kept as long as the frame is. */
const SHARED_LINES = 4096;
/** What a message has beside the text of its line, in bytes. */
const MESSAGE_BYTES = 400;

/** Whose lines they are. */
export interface BuildSession {
  taskId: string;
  attempt: number;
  info: BuildInfo;
  /** The phases of the attempt, with at least `count` of them if there are so many. */
  phases(count: number): Promise<readonly PhaseReport[]>;
}

/** `build_log` messages of lines that follow each other, as JSON in UTF-8. */
export interface BuildLogChunk {
  firstLine: number;
  messages: Buffer[];
}

/** A frame, unpacked, to be read as messages. */
export interface BuildLogs {
  chunks(): Iterable<BuildLogChunk>;
}

interface Known {
  read: ReturnType<typeof readFrame> | null;
  logs: Promise<BuildLogs> | null;
}

const known = new WeakMap<Uint8Array, Known>();

/**
 * The messages of a frame. Asked again for the very same bytes it is the same object: a live frame is unpacked once, however
 * many read it. Rejects when the bytes can't be read.
 */
export async function buildLogsOf(data: Uint8Array, session: BuildSession): Promise<BuildLogs> {
  const frame = knownOf(data);
  frame.logs ??= unpack(frame.read ?? readFrame(data), session);
  return await frame.logs;
}

/** About how many bytes the messages of a frame are. */
export function weightOf(data: Uint8Array): number {
  const header = knownOf(data).read?.header;
  return header ? header.bytes + header.lines * MESSAGE_BYTES : data.length;
}

function knownOf(data: Uint8Array): Known {
  const before = known.get(data);
  if (before) return before;
  const frame: Known = { read: tryRead(data), logs: null };
  known.set(data, frame);
  return frame;
}

function tryRead(data: Uint8Array): Known['read'] {
  try {
    return readFrame(data);
  } catch {
    // Told where the text is wanted.
    return null;
  }
}

async function unpack({ header, compressed }: ReturnType<typeof readFrame>, session: BuildSession): Promise<BuildLogs> {
  const deepest = header.runs.reduce((most, run) => Math.max(most, run[4]), -1);
  const [text, phases] = await Promise.all([inflateText(compressed), session.phases(deepest + 1)]);
  const make = () => chunksOf(header, text, phases, session);
  if (header.lines > SHARED_LINES) return { chunks: make };
  let made: BuildLogChunk[] | null = null;
  return {
    chunks() {
      made ??= [...make()];
      return made;
    },
  };
}

function* chunksOf(
  header: FrameHeader,
  text: Buffer,
  phases: readonly PhaseReport[],
  session: BuildSession,
): Generator<BuildLogChunk> {
  const { taskId, attempt, info } = session;
  const head = JSON.stringify({
    type: 'build_log',
    task_id: taskId,
    session_id: sessionOf(taskId, attempt),
    build_info: info,
    log_entry: {},
  }).slice(0, -2);
  const lines = linesOf(text);
  let line = header.firstLine;
  let chunk: BuildLogChunk = { firstLine: line, messages: [] };
  for (const [count, time, level, component, phase, step, context] of header.runs) {
    const entry = { timestamp: timestampOf(time), level: LOG_LEVELS[level] ?? 'INFO', component };
    const place = { ...entry, context: contextOf({ phase, step, context }, phases), message: '' };
    // Up to the opening quote of the message.
    const begin = head + JSON.stringify(place).slice(1, -3);
    for (let n = 0; n < count; n++) {
      const message = JSON.stringify(lines.next().value ?? '');
      chunk.messages.push(Buffer.from(`${begin}${message}},"attempt":${attempt},"line":${line}}`));
      line += 1;
      if (chunk.messages.length < CHUNK_LINES) continue;
      yield chunk;
      chunk = { firstLine: line, messages: [] };
    }
  }
  if (chunk.messages.length > 0) yield chunk;
}

function* linesOf(text: Buffer): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf(10, from);
    const end = newline === -1 ? text.length : newline;
    yield text.toString('utf8', from, end);
    from = end + 1;
  }
}

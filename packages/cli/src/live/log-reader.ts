import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { decodeFrame } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';

const decompress = promisify(zstdDecompress);

/** A line of a log as people see it. */
export interface LogText {
  text: string;
  level: (typeof LOG_LEVELS)[number];
  /** `kiln` for what the agent says, `output` for what a command prints. */
  component: string;
}

/** Follows the log of one attempt through its frames; a frame that comes again, after a reconnect, gives only what is new. */
export class LogReader {
  #nextLine = 1;

  /** The first line that was not read yet. */
  get nextLine(): number {
    return this.#nextLine;
  }

  async read({ header, compressed }: ReturnType<typeof decodeFrame>): Promise<LogText[]> {
    const text = (await decompress(compressed)).toString('utf8');
    const lines = text.replace(/\n$/, '').split('\n');
    const known = Math.max(0, this.#nextLine - header.firstLine);
    this.#nextLine = Math.max(this.#nextLine, header.firstLine + header.lines);
    const marks = header.runs.flatMap(([count, , level, component]) =>
      Array.from({ length: count }, () => ({ level: LOG_LEVELS[level] ?? 'INFO', component })),
    );
    return lines.slice(known).map((line, index) => ({
      text: line,
      level: marks[known + index]?.level ?? 'INFO',
      component: marks[known + index]?.component ?? 'output',
    }));
  }
}

import { setImmediate } from 'node:timers/promises';
import type { Database } from '../database.ts';
import { LogMoved } from './live-log.ts';
import { Lru } from './lru.ts';
import { type LogOutline, OutlineBuilder } from './outline.ts';
import { readFrame } from './read-frame.ts';
import type { LogStanding } from './standing.ts';

/** Outlines of logs under way that are kept. Each takes some 200 KB at most. */
const MOST_KEPT = 64;
/** Headers fetched at once. */
const PAGE = 500;
const PAGE_BYTES = 4_194_304;

interface Gathered {
  builder: OutlineBuilder;
  sequence: number;
  /** Whoever asks next waits for the one before. */
  turn: Promise<void>;
}

interface Head {
  sequence: number;
  lines: number;
  lastTime: Date;
  head: Uint8Array;
}

/** Outlines of logs that are still frames in the database: of the frames only the headers are read, each once. */
export class LiveOutlines {
  readonly #db: Database;
  readonly #gathered = new Lru<Gathered>(MOST_KEPT);

  constructor(db: Database) {
    this.#db = db;
  }

  /** The outline of a log as far as `standing` knows it, or a little further. Throws LogMoved. */
  async outline(jobId: string, standing: LogStanding): Promise<LogOutline> {
    const key = `${jobId}.${standing.attempt}`;
    const known = this.#gathered.get(key);
    const gathered = known ?? { builder: new OutlineBuilder(), sequence: 0, turn: Promise.resolve() };
    if (!known) this.#gathered.set(key, gathered, 1);
    const work = gathered.turn.then(async () => {
      await this.#gather(gathered, jobId, standing);
      return gathered.builder.outline();
    });
    gathered.turn = work.then(
      () => {},
      () => this.#gathered.delete(key),
    );
    return await work;
  }

  async #gather(gathered: Gathered, jobId: string, { attempt, lastSequence }: LogStanding): Promise<void> {
    while (gathered.sequence < lastSequence) {
      const heads = await this.#heads(jobId, attempt, gathered.sequence);
      if (heads[0]?.sequence !== gathered.sequence + 1) throw new LogMoved();
      for (const head of heads) {
        gathered.builder.add({ runs: runsOf(head) });
        gathered.sequence = head.sequence;
      }
      await setImmediate();
    }
  }

  /** The headers of the frames after a sequence: storage of `data` is EXTERNAL, so the rest of it is not even read. */
  async #heads(jobId: string, attempt: number, after: number): Promise<Head[]> {
    return await this.#db<Head[]>`
      SELECT sequence, lines, last_time, head FROM (
        SELECT *, sum(octet_length(head)) OVER (ORDER BY sequence) - octet_length(head) AS before FROM (
          SELECT sequence, lines, last_time, CASE WHEN octet_length(data) < 8 THEN data ELSE substring(data FROM 1 FOR
            8 + get_byte(data, 4) + (get_byte(data, 5) << 8) + (get_byte(data, 6) << 16)) END AS head
          FROM frames WHERE job_id = ${jobId} AND attempt = ${attempt} AND sequence > ${after}
          ORDER BY sequence LIMIT ${PAGE}) AS page) AS sized
      WHERE before < ${PAGE_BYTES} ORDER BY sequence`;
  }
}

/** What the header says; of one that can't be read what a reader of its lines is shown: as many errors. */
function runsOf({ head, lines, lastTime }: Head) {
  try {
    return readFrame(head).header.runs;
  } catch {
    return [[lines, lastTime.getTime(), 3, 'kiln', -1, -1] as [number, number, number, string, number, number]];
  }
}

import type { FrameHeader } from '@kiln/protocol/frame.ts';
import type { LogOutlineAnswer } from '@kiln/protocol/log-api.ts';
import { Outline } from './outline.ts';

type Stretch = Pick<FrameHeader, 'firstLine' | 'lines' | 'runs'>;

/** After an outline that could not be had, or had a gap, it is asked for again no sooner than this. */
const AGAIN_MS = 2000;

/** The outline of a log that may grow: asked for once, then kept by its live frames; asked for again after a gap. */
export class OutlineKeeper {
  outline = new Outline();
  readonly #fetch: () => Promise<LogOutlineAnswer>;
  readonly #changed: () => void;
  /** Frames that came while the answer is on its way: it may not have them. */
  #since: Stretch[] = [];
  /** Which request is on its way, 0 when none is. */
  #asking = 0;
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(fetch: () => Promise<LogOutlineAnswer>, changed: () => void) {
    this.#fetch = fetch;
    this.#changed = changed;
  }

  /** Asks the farm; an answer that is on its way already does not count any more. */
  async load(): Promise<void> {
    this.stop();
    const mine = ++this.#asked;
    this.#asking = mine;
    this.#since = [];
    let stale = true;
    try {
      const outline = Outline.of(await this.#fetch());
      if (this.#asking !== mine) return;
      for (const frame of this.#since) outline.add(frame);
      this.outline = outline;
      stale = outline.stale;
      this.#changed();
    } catch {
      // The lines say what is wrong with the log; without an outline they are shown all the same.
      if (this.#asking !== mine) return;
    }
    this.#asking = 0;
    if (stale) this.#later();
  }

  /** A live frame came. */
  add(frame: Stretch): void {
    if (this.#asking > 0) this.#since.push(frame);
    this.outline.add(frame);
    if (this.outline.stale && this.#asking === 0) this.#later();
  }

  /** Asks no more. */
  stop(): void {
    this.#asking = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #later(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.load();
    }, AGAIN_MS);
  }
}

import type { FrameHeader, LineRun } from './frame.ts';

/**
 * A frame's header as a sealed log keeps it: the runs by column, times as differences. So it compresses to about a
 * tenth of the plain form where each line has a time of its own. No imports but types: the dashboard bundles this file.
 */
export interface PackedHeader extends Omit<FrameHeader, 'runs'> {
  /** The components and contexts that occur. */
  names: string[];
  /** Lines of each run. */
  counts: number[];
  /** Of each run, milliseconds after the one before; of the first one, since the epoch. */
  times: number[];
  levels: number[];
  /** Of each run, the index of its component in `names`. */
  components: number[];
  phases: number[];
  steps: number[];
  /** Of each run, the index of its context in `names`, -1 for none. Only where a run has one. */
  contexts?: number[];
}

/** The packed form of a header. */
export function packHeader({ runs, ...rest }: FrameHeader): PackedHeader {
  const names = [...new Set(runs.flatMap((run) => (run[6] === undefined ? [run[3]] : [run[3], run[6]])))];
  const indexes = new Map(names.map((name, index) => [name, index]));
  let before = 0;
  return {
    ...rest,
    names,
    counts: runs.map((run) => run[0]),
    times: runs.map(([, time]) => {
      const difference = time - before;
      before = time;
      return difference;
    }),
    levels: runs.map((run) => run[2]),
    components: runs.map((run) => indexes.get(run[3]) ?? 0),
    phases: runs.map((run) => run[4]),
    steps: runs.map((run) => run[5]),
    ...(runs.some((run) => run[6] !== undefined)
      ? { contexts: runs.map((run) => (run[6] === undefined ? -1 : (indexes.get(run[6]) ?? -1))) }
      : {}),
  };
}

/** The header of a packed form that is trusted; of another one it is what the caller has to check. */
export function unpackHeader(packed: PackedHeader): FrameHeader {
  const { names, counts, times, levels, components, phases, steps, contexts, ...rest } = packed;
  let time = 0;
  const runs = counts.map((lines, index): LineRun => {
    time += times[index] ?? Number.NaN;
    const run: LineRun = [
      lines,
      time,
      levels[index] ?? -1,
      names[components[index] ?? -1] ?? '',
      phases[index] ?? -2,
      steps[index] ?? -2,
    ];
    const context = names[contexts?.[index] ?? -1];
    if (context !== undefined) run.push(context);
    return run;
  });
  return { ...rest, runs };
}

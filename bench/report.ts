/** One measured figure; `ratio` is against the floor or the peer of the same run, `claim` what it should stay under. */
export interface Figure {
  name: string;
  ms?: number;
  value?: string;
  ratio?: number;
  claim?: number;
}

/** The middle one; of an even number the upper of the two. */
export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

/** Prints figures as a table and as one JSON line for other programs. */
export function report(bench: string, figures: readonly Figure[]): void {
  const lines = figures.map((figure) => {
    const ms = figure.ms === undefined ? '' : `${figure.ms.toFixed(1)} ms`;
    const ratio = figure.ratio === undefined ? '' : `${figure.ratio.toFixed(2)}×`;
    const verdict =
      figure.ratio === undefined || figure.claim === undefined
        ? ''
        : figure.ratio <= figure.claim
          ? `holds (≤ ${figure.claim}×)`
          : `does not hold (≤ ${figure.claim}×)`;
    return `  ${figure.name.padEnd(64)} ${ms.padStart(12)} ${ratio.padStart(8)} ${figure.value ?? ''} ${verdict}`.trimEnd();
  });
  process.stdout.write(`${bench}\n${lines.join('\n')}\n${JSON.stringify({ bench, figures })}\n`);
}

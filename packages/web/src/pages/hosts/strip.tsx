import { STRIP_LETTERS, STRIP_PIECES, type StripLetter } from '@kiln/protocol/host-states.ts';
import css from './strip.module.css';

const DAY_MS = 86_400_000;
const HEIGHT = 16;
/** What is well is a thin line; trouble is tall, so that it is seen without its colour. */
const TALL: Readonly<Record<StripLetter, number>> = { f: 16, m: 16, r: 11, s: 11, o: 4, i: 4, u: 2 };

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });

/** Pieces of a strip that are alike and stand side by side. */
export interface Stretch {
  letter: StripLetter;
  from: number;
  length: number;
}

/** A strip as stretches, so that a quiet unit is one element, not 96. */
export function stretchesOf(strip: string): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [index, letter] of [...strip].entries()) {
    if (!isLetter(letter)) continue;
    const last = stretches.at(-1);
    if (last?.letter === letter) last.length += 1;
    else stretches.push({ letter, from: index, length: 1 });
  }
  return stretches;
}

/** What a unit was over the last 24 hours. `until`: the moment of its right end. */
export function Strip({ strip, until, large }: { strip: string; until: string; large?: boolean }) {
  const stretches = stretchesOf(strip);
  const timeAt = (piece: number) => clock.format(Date.parse(until) - DAY_MS + (piece * DAY_MS) / STRIP_PIECES);
  const textOf = ({ letter, from, length }: Stretch) =>
    `${timeAt(from)} to ${timeAt(from + length)}: ${STRIP_LETTERS[letter]}`;
  const trouble = stretches.filter(({ letter }) => 'fmrs'.includes(letter));
  const label = trouble.length === 0 ? 'no trouble' : trouble.slice(0, 6).map(textOf).join('; ');
  return (
    <svg
      className={css.strip}
      data-large={large || undefined}
      viewBox={`0 0 ${STRIP_PIECES} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`The last 24 hours: ${label}`}
    >
      {stretches.map((stretch) => (
        <g key={stretch.from}>
          <title>{textOf(stretch)}</title>
          <rect className={css.reach} x={stretch.from} y={0} width={stretch.length} height={HEIGHT} />
          <rect
            data-letter={stretch.letter}
            x={stretch.from}
            y={HEIGHT - TALL[stretch.letter]}
            width={stretch.length}
            height={TALL[stretch.letter]}
          />
        </g>
      ))}
    </svg>
  );
}

function isLetter(letter: string): letter is StripLetter {
  return Object.hasOwn(STRIP_LETTERS, letter);
}

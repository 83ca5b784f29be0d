/** One value of one series, as OTLP brought it. */
export interface Point {
  name: string;
  /** Labels of the point; `host.name` of its resource is under that name where the point has no `host`. */
  labels: ReadonlyMap<string, string>;
  value: number;
  /** Milliseconds since the epoch. */
  timeMs: number;
}

/** What a push holds. `foreign`: points that are no plain numbers (histograms, summaries), which Kiln does not keep. */
export interface Push {
  points: Point[];
  foreign: number;
}

/** The bytes or the JSON are not what OTLP says. */
export class MalformedPush extends Error {
  override name = 'MalformedPush';
}

/** More points than this in one push are refused: 500 units of a host have about 10,000. */
export const MOST_POINTS = 100_000;

/** Throws when a push has more points than are taken. */
export function checkPointCount(count: number): void {
  if (count > MOST_POINTS) throw new MalformedPush(`a push may have ${MOST_POINTS} points at most; send it in pieces`);
}

/** Where in the job a line belongs: indexes of phase and step, -1 outside of all. */
export interface Where {
  phase: number;
  step: number;
}

/** For lines about the job as a whole. */
export const OUTSIDE: Where = { phase: -1, step: -1 };

/** Builds since the process started, as `/status` tells them: tries begun, and tries both built and published. */
export const buildCounters = { attempted: 0, succeeded: 0 };

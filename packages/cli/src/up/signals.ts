/** Ctrl-C reaches a process more than once, from the terminal and from npm: what comes this soon after is the same. */
const SAME_MS = 700;

/** Settles at the first SIGINT or SIGTERM. A later one calls `hasten`; a SIGHUP calls `reload`. */
export async function onStopSignals(actions: { reload: () => void; hasten: () => void }): Promise<void> {
  process.on('SIGHUP', actions.reload);
  await new Promise<void>((resolve) => {
    let first = 0;
    const stop = () => {
      if (first === 0) {
        first = Date.now();
        resolve();
      } else if (Date.now() - first > SAME_MS) {
        actions.hasten();
      }
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

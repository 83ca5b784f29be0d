import { writeSync } from 'node:fs';

const STDERR = 2;
const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Where a daemon's log lines go: stderr, each written before the call returns. `onBroken` is called once, when whoever
 * read them is gone (as in `kiln up 2>&1 | head`): the daemon then ends, as programs do that write into a closed pipe.
 */
export function logOutput(onBroken: () => void): { write(line: string): void } {
  let broken = false;
  return {
    write(line) {
      if (broken) return;
      try {
        writeWhole(Buffer.from(line));
      } catch {
        broken = true;
        onBroken();
      }
    },
  };
}

/** Writes all of it, also to a pipe that does not block and is full. */
function writeWhole(bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(STDERR, bytes, done);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      Atomics.wait(nap, 0, 0, 5);
    }
  }
}

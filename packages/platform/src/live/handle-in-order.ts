import type { WebSocket } from '@fastify/websocket';
import type { SendQueue } from './send-queue.ts';

/** After so many messages their answers have to be taken: each that waits costs more than its bytes. */
const BURST = 1000;

/**
 * Hands over the messages of a socket one after the other. While one is being worked on, or its sender does not take the answers,
 * nothing more is read: whoever asks without end fills the network's buffers and no others. What was read by then waits, which is
 * no more than one read brings. `handle` must not reject.
 */
export function handleInOrder(
  socket: WebSocket,
  answers: Pick<SendQueue, 'open' | 'behind' | 'drained'>,
  handle: (data: Buffer, isBinary: boolean) => Promise<void> | undefined,
): void {
  let waiting: { data: Buffer; isBinary: boolean }[] = [];
  let isHandling = false;
  let handled = 0;
  const work = async () => {
    isHandling = true;
    for (let next = waiting.shift(); next && answers.open; next = waiting.shift()) {
      const working = handle(next.data, next.isBinary);
      handled += 1;
      const isMuch = answers.behind || handled % BURST === 0;
      if (working === undefined && !isMuch) continue;
      socket.pause();
      await working;
      if (isMuch) await answers.drained();
    }
    isHandling = false;
    socket.resume();
  };
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (!answers.open) return;
    waiting.push({ data, isBinary });
    if (!isHandling) void work();
  });
  socket.on('close', () => {
    waiting = [];
  });
}

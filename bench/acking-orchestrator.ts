import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeFrame } from '@kiln/protocol/frame.ts';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * The least that an agent needs of an orchestrator: it acknowledges every frame at once and looks at nothing but its
 * header. A process of its own, so that what is measured in the other one is the agent alone. Messages of its parent
 * are passed on to the agent; it tells its parent its port, the frames' totals and what the agent said of its jobs.
 */
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ agentId: randomUUID(), token: 'a-token-for-a-bench' }));
});
const sockets = new WebSocketServer({ server });
let socket: WebSocket | null = null;
let totals = { frames: 0, bytes: 0, lines: 0, compressed: 0 };

sockets.on('connection', (connected) => {
  socket = connected;
  connected.on('message', (data: Buffer, isBinary) => {
    if (isBinary) acknowledge(connected, data);
    else hear(connected, data);
  });
});
process.on('message', (message) => socket?.send(JSON.stringify(message)));
process.on('disconnect', () => process.exit(0));
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

function acknowledge(to: WebSocket, data: Buffer): void {
  const { header, compressed } = decodeFrame(data);
  totals.frames++;
  totals.bytes += header.bytes;
  totals.lines += header.lines;
  totals.compressed += compressed.length;
  const reference = { jobId: header.job, attempt: header.attempt, fence: 1 };
  to.send(JSON.stringify({ type: 'log.ack', ...reference, sequence: header.sequence }));
}

function hear(from: WebSocket, data: Buffer): void {
  const message = JSON.parse(data.toString('utf8'));
  if (message.type === 'hello') {
    from.send(JSON.stringify({ type: 'welcome', agentId: randomUUID(), orchestrator: 'bench', adopted: [], stop: [] }));
    process.send?.({ ready: true });
  } else if (message.type === 'job.finished') {
    const { jobId, attempt, fence } = message;
    from.send(JSON.stringify({ type: 'job.finished.ack', jobId, attempt, fence }));
    process.send?.({ finished: message.outcome, totals });
    totals = { frames: 0, bytes: 0, lines: 0, compressed: 0 };
  }
}

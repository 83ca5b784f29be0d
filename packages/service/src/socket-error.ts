import type { FastifyRequest } from 'fastify';

/**
 * For `@fastify/websocket`'s `errorHandler`: ends a socket whose other end broke the protocol or the line. That is no fault of
 * Kiln's, so it is told at debug; anything else is.
 */
export function endBrokenSocket(error: Error, socket: { terminate(): void }, request: FastifyRequest): void {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const isTheirs = code.startsWith('WS_ERR_') || code === 'ECONNRESET' || code === 'EPIPE' || code === 'ETIMEDOUT';
  request.log[isTheirs ? 'debug' : 'error']({ err: error }, 'a WebSocket failed');
  socket.terminate();
}

import { Socket } from 'node:net';
import { Corked } from '@kiln/service/corked.ts';

/** Where the PostgreSQL client wants to connect to, as its options have it: several hosts are tried in turn. */
export interface SocketTarget {
  host: readonly string[];
  port: readonly number[];
  /** Of a Unix socket, in place of host and port. */
  path?: string | null;
}

const told = new WeakSet<object>();

/** Whether an error is what a socket made here told at its end. The client hands on objects made from such an error. */
export function isSocketError(error: object): boolean {
  const origin: unknown = Object.getPrototypeOf(error);
  return told.has(error) || (typeof origin === 'object' && origin !== null && told.has(origin));
}

/**
 * A socket that tells its error together with its end, and sends together what it is given together. The client gives a connection
 * up at its end; a query that it was given between the two would never be answered. It writes every longer query by itself:
 * a transaction of ten would be ten packets, and wake the server ten times.
 */
class ClosingSocket extends Socket {
  #error: object | null = null;
  #hasEnded = false;
  readonly #wire = new Corked(this);

  override write(
    data: string | Uint8Array,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    done?: (error?: Error | null) => void,
  ): boolean {
    this.#wire.gather();
    if (typeof encoding === 'function') super.write(data, encoding);
    else super.write(data, encoding, done);
    // On "enough for now" the client forgets to hold the connection for the transaction that begins on it.
    return true;
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event === 'error' && !this.#hasEnded) {
      const [error] = values;
      if (typeof error === 'object') this.#error ??= error;
      return true;
    }
    if (event === 'close') {
      this.#hasEnded = true;
      if (this.#error) {
        told.add(this.#error);
        super.emit('error', this.#error);
      }
    }
    return super.emit(event, ...values);
  }
}

/** Makes what the client asks for sockets. */
export function socketMaker(): (target: SocketTarget) => Socket {
  let tries = 0;
  return ({ host, port, path }) => {
    const socket = new ClosingSocket();
    if (path) return socket.connect(path);
    const turn = tries++ % host.length;
    const place = { host: host[turn] ?? 'localhost', port: port[turn] ?? 5432 };
    // The client names the server in its errors, and to TLS, by these.
    return Object.assign(socket.connect(place), place);
  };
}

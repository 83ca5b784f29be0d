import { Socket } from 'node:net';

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
 * A socket that tells its error together with its end. The client gives a connection up at its end; a query that it was given
 * between the two would never be answered.
 */
class ClosingSocket extends Socket {
  #error: object | null = null;
  #hasEnded = false;

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

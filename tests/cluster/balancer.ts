import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Where an agent finds the orchestrators. */
export interface Balancer {
  /** host:port */
  address: string;
  close(): void;
}

/**
 * Passes each connection on to one of two servers: the agent's own socket to `mine`, whatever else it asks (it uploads outputs) to
 * the other one. One that does not listen is passed over.
 */
export async function startBalancer(targets: () => string[], mine: number): Promise<Balancer> {
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    client.once('data', (first) => {
      client.pause();
      const isSocket = first.toString('latin1').startsWith('GET /agents/socket');
      const addresses = targets();
      const attempt = (at: number, tries: number) => {
        const [host, port] = (addresses[at % addresses.length] ?? '').split(':');
        const upstream = connect(Number(port), host);
        let connected = false;
        upstream.once('connect', () => {
          connected = true;
          upstream.write(first);
          client.pipe(upstream).pipe(client);
          client.once('close', () => upstream.destroy());
          upstream.once('close', () => client.destroy());
        });
        upstream.on('error', () => {
          if (!connected && tries > 1) attempt(at + 1, tries - 1);
          else client.destroy();
        });
      };
      attempt(isSocket ? mine : mine + 1, addresses.length);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = address && typeof address === 'object' ? address.port : 0;
  return { address: `127.0.0.1:${port}`, close: () => server.close() };
}

import { createServer } from 'node:http';

/** An address that passes every POST on to several others. */
export interface Tee {
  url: string;
  /** When each was received, Unix time in milliseconds. */
  received: number[];
  stop(): Promise<void>;
}

/** Starts it. It answers 200 when all others did, else 502 with their words. */
export async function startTee(targets: readonly string[]): Promise<Tee> {
  const received: number[] = [];
  const server = createServer(async (request, response) => {
    received.push(Date.now());
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const headers = { 'content-type': request.headers['content-type'] ?? '' };
    const answers = await Promise.allSettled(
      targets.map(async (url) => {
        const answer = await fetch(url, { method: 'POST', headers, body });
        if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
      }),
    );
    const refusals = answers.flatMap((answer) => (answer.status === 'rejected' ? [String(answer.reason)] : []));
    response.writeHead(refusals.length > 0 ? 502 : 200).end(refusals.join('\n'));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1/metrics`,
    received,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

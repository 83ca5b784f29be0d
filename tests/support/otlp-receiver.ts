import { createServer } from 'node:http';
import { decodeMetrics, type ReceivedPoint } from '@kiln/heartbeat/testing.ts';

/** One request as it came. */
export interface Push {
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  points: ReceivedPoint[];
}

/** Something that takes OTLP pushes and shows them. */
export interface OtlpReceiver {
  url: string;
  pushes: Push[];
  /** What the next requests are answered with; null: nothing at all. */
  answer: { status: number; body?: string } | null;
  /** Points of the last push. */
  last(metric: string, unit?: string): ReceivedPoint[];
  close(): Promise<void>;
}

/** Starts one on a free port of this machine. */
export async function otlpReceiver(): Promise<OtlpReceiver> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      receiver.pushes.push({ method, path, headers, points: decodeMetrics(Buffer.concat(parts)) });
      if (receiver.answer) response.writeHead(receiver.answer.status).end(receiver.answer.body);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`,
    pushes: [],
    answer: { status: 200 },
    last: (metric, unit) =>
      (receiver.pushes.at(-1)?.points ?? []).filter(
        (point) => point.metric === metric && (unit === undefined || point.labels.unit === unit),
      ),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return receiver;
}

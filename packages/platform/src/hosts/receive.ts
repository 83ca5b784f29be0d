import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { principalOf } from '@kiln/service/access/guard.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { recordReading } from '@kiln/store/hosts/record.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseAway } from '../http/database-away.ts';
import { CONTENT_TYPE, type Encoding, exportResponse, statusResponse } from './otlp/answer.ts';
import { decodeJson } from './otlp/decode-json.ts';
import { decodeProtobuf } from './otlp/decode-protobuf.ts';
import { MalformedPush, type Push } from './otlp/points.ts';
import { toReadings } from './to-readings.ts';

const unzip = promisify(gunzip);

/** Largest body, as it comes and unpacked. A host with 500 units sends about 1.5 MiB, 100 KiB of it when packed. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_UNPACKED = 32 * 1024 * 1024;

/**
 * `POST /v1/metrics`: where heartbeats push to when there is no metrics store. OTLP over HTTP as protobuf or JSON, plain or gzip,
 * with a token of its own. Points that Kiln does not keep are answered as a partial success; answers are in the words of OTLP.
 */
export function addReceiver(app: FastifyInstance, context: FarmContext): void {
  const { db, log, metrics } = context;
  const points = metrics.counter('host_points_total', 'Points of heartbeats by what became of them', ['outcome']);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler<Error & { statusCode?: number }>(async (error, request, reply) => {
    const [status, message] = refusalOf(error);
    if (status >= 500)
      log[status === 503 ? 'warn' : 'error']({ err: error, requestId: request.id }, 'a push of metrics failed');
    if (status === 503) reply.header('retry-after', 5);
    if (error instanceof HttpError) reply.headers(error.headers);
    return await answer(reply, status, encodingOf(request) ?? 'json', (to) => statusResponse(to, status, message));
  });

  registerRoute(
    app,
    'POST /v1/metrics',
    async (request, reply) => {
      const caller = principalOf(request);
      const encoding = encodingOf(request);
      if (encoding === null) {
        throw new HttpError('unsupported_media_type', 'OTLP comes as application/x-protobuf or application/json');
      }
      const push = await decode(request, encoding);
      const only = caller.kind === 'host' ? caller.id : null;
      const sorted = toReadings(push, only);
      let { rejected } = sorted;
      const reasons = [...sorted.reasons.keys()];
      for (const { host, takenAt, reading } of sorted.hosts) {
        const { outcome, changed } = await recordReading(db, host, takenAt, reading);
        if (outcome === 'too-many-hosts') {
          rejected += countPoints(reading);
          reasons.push('there are too many hosts already');
        } else if (outcome === 'kept') notify(host, changed);
      }
      points.inc({ outcome: 'rejected' }, rejected);
      points.inc({ outcome: 'accepted' }, Math.max(0, push.points.length + push.foreign - rejected));
      return await answer(reply, 200, encoding, (to) => exportResponse(to, rejected, reasons.join('; ')));
    },
    { bodyLimit: MOST_BYTES },
  );

  function notify(host: string, changed: boolean): void {
    context.bus.publish(SUBJECTS.changed, { topic: 'host', id: host });
    if (changed) context.bus.publish(SUBJECTS.changed, { topic: 'problem', id: host });
  }
}

async function decode(request: FastifyRequest, encoding: Encoding): Promise<Push> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const bytes = await unpacked(body, request.headers['content-encoding']);
  return encoding === 'protobuf' ? decodeProtobuf(bytes) : decodeJson(bytes.toString('utf8'));
}

async function unpacked(body: Buffer, packing: string | undefined): Promise<Buffer> {
  if (packing === undefined || packing === 'identity') return body;
  if (packing !== 'gzip')
    throw new HttpError('unsupported_media_type', `the encoding ${packing.slice(0, 40)} is not known; use gzip`);
  try {
    return await unzip(body, { maxOutputLength: MOST_UNPACKED });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HttpError('body_too_large', `unpacked, the body is larger than ${MOST_UNPACKED} bytes`);
    }
    throw new MalformedPush('the body is not gzip');
  }
}

/** How a client speaks, by its content type. */
function encodingOf(request: FastifyRequest): Encoding | null {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  return type === 'application/x-protobuf' ? 'protobuf' : type === 'application/json' ? 'json' : null;
}

function refusalOf(error: Error & { statusCode?: number }): [status: number, message: string] {
  if (error instanceof MalformedPush) return [400, error.message];
  if (isDatabaseAway(error)) return [503, 'the database does not answer; nothing was kept'];
  const status = error.statusCode ?? 500;
  return status >= 500 ? [status, 'Kiln failed to take this; its log has the cause'] : [status, error.message];
}

async function answer(reply: FastifyReply, status: number, encoding: Encoding, body: (encoding: Encoding) => Buffer) {
  return await reply.code(status).type(CONTENT_TYPE[encoding]).send(body(encoding));
}

function countPoints(reading: { host: object; units: Record<string, object> }): number {
  const units = Object.values(reading.units).reduce((sum, unit) => sum + Object.keys(unit).length - 1, 0);
  return units + Object.keys(reading.host).length;
}

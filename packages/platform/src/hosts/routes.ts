import { ApiError } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { durationMs } from '@kiln/protocol/duration.ts';
import {
  DailyReport,
  HostDetail,
  HostList,
  HostMoment,
  SERIES_NAMES,
  type SeriesName,
  UnitDetail,
  UnitSeries,
} from '@kiln/protocol/hosts.ts';
import { HttpError } from '@kiln/service/http.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { forgetHost } from '@kiln/store/hosts/hosts.ts';
import { readDailyReport } from '@kiln/store/reads/daily-report.ts';
import { readHostMoment } from '@kiln/store/reads/host-moment.ts';
import { readUnit } from '@kiln/store/reads/host-unit.ts';
import { readHost, readHosts } from '@kiln/store/reads/hosts.ts';
import Type from 'typebox';
import { notFound } from '../api/params.ts';
import type { App } from '../app.ts';
import { MetricsStore } from './metrics-store.ts';
import { reportFromMetrics } from './report-from-metrics.ts';
import { RANGES, type Range, unitSeries } from './series.ts';

const HostParams = Type.Object({ host: Type.String({ minLength: 1, maxLength: 253 }) });
const UnitParams = Type.Object({ ...HostParams.properties, unit: Type.String({ minLength: 1, maxLength: 256 }) });
const Series = Type.Unsafe<SeriesName>(Type.String({ enum: [...SERIES_NAMES] }));
const RangeName = Type.Unsafe<Range>(Type.String({ enum: Object.keys(RANGES) }));

/** A report looks back over this much at most. */
const LONGEST_REPORT_MS = 30 * 86_400_000;

/** What is known of the hosts and their units, and the daily report. */
export function addHostRoutes(app: App, { db, bus, config, log }: FarmContext): void {
  const store = MetricsStore.of(config);
  const metricsStore = store !== null;

  app.get(
    '/api/hosts',
    {
      schema: {
        summary: 'The hosts underneath, with up to `rows` units each, those in trouble first',
        tags: ['hosts'],
        querystring: Type.Object(
          { rows: Type.Optional(Type.Integer({ minimum: 0, maximum: 2000, default: 0 })) },
          { additionalProperties: false },
        ),
        response: { 200: HostList },
      },
    },
    async (request) => await readHosts(db, request.query.rows ?? 0),
  );

  app.get(
    '/api/hosts/:host',
    {
      schema: {
        summary: 'A host with all of its units',
        tags: ['hosts'],
        params: HostParams,
        response: { 200: HostDetail, 404: ApiError },
      },
    },
    async (request) => {
      const host = await readHost(db, request.params.host);
      if (!host) throw notFound('host', request.params.host);
      return { ...host, metricsStore };
    },
  );

  app.delete(
    '/api/hosts/:host',
    {
      schema: {
        summary: 'Forget a host with its history. It is back with its next heartbeat',
        tags: ['hosts'],
        params: HostParams,
        response: { 204: Type.Null(), 404: ApiError },
      },
    },
    async (request, reply) => {
      const { host } = request.params;
      if (!(await forgetHost(db, host))) throw notFound('host', host);
      log.info({ host, by: request.principal?.subject }, 'host forgotten');
      bus.publish(SUBJECTS.changed, { topic: 'host', id: host });
      bus.publish(SUBJECTS.changed, { topic: 'problem', id: host });
      return await reply.code(204).send(null);
    },
  );

  app.get(
    '/api/hosts/:host/at',
    {
      schema: {
        summary: 'What a host’s units and their memory were at a moment, and what happened around it',
        tags: ['hosts'],
        params: HostParams,
        querystring: Type.Object({ time: Type.String({ format: 'date-time' }) }, { additionalProperties: false }),
        response: { 200: HostMoment, 400: ApiError, 404: ApiError },
      },
    },
    async (request) => {
      const moment = await readHostMoment(db, request.params.host, timeOf(request.query.time));
      if (!moment) throw notFound('host', request.params.host);
      return moment;
    },
  );

  app.get(
    '/api/hosts/:host/units/:unit',
    {
      schema: {
        summary: 'A unit with its history, the latest first',
        tags: ['hosts'],
        params: UnitParams,
        querystring: Type.Object(
          { before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })) },
          { additionalProperties: false },
        ),
        response: { 200: UnitDetail, 404: ApiError },
      },
    },
    async (request) => {
      const { host, unit } = request.params;
      const detail = await readUnit(db, host, unit, request.query.before ?? null);
      if (!detail) throw notFound('unit', `${unit} on ${host}`);
      return { ...detail, metricsStore };
    },
  );

  app.get(
    '/api/hosts/:host/units/:unit/series',
    {
      schema: {
        summary: 'A chart of a unit: from the metrics store where one is configured, else from the last two hours',
        tags: ['hosts'],
        params: UnitParams,
        querystring: Type.Object({ name: Series, range: Type.Optional(RangeName) }, { additionalProperties: false }),
        response: { 200: UnitSeries, 502: ApiError },
      },
    },
    async (request) => {
      const { name, range = '1h' } = request.query;
      return await unitSeries(db, store, { ...request.params, name, range });
    },
  );

  app.get(
    '/api/report/daily',
    {
      schema: {
        summary: 'What failed, restarted or went stale on the hosts in the last 24 hours',
        tags: ['hosts'],
        querystring: Type.Object(
          {
            since: Type.Optional(
              Type.String({ description: 'A duration such as 24h or 7d, or a time', maxLength: 40 }),
            ),
            from: Type.Optional(
              Type.Unsafe<'kiln' | 'metrics'>(
                Type.String({
                  enum: ['kiln', 'metrics'],
                  description: 'Kiln’s own history (default) or the metrics store',
                }),
              ),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: DailyReport, 400: ApiError, 502: ApiError },
      },
    },
    async (request) => {
      const to = new Date();
      const from = since(request.query.since ?? '24h', to);
      if (request.query.from !== 'metrics') return await readDailyReport(db, from, to);
      if (store === null)
        throw new HttpError(400, 'no_metrics_store', 'no metrics store is configured: set metrics.url');
      return await reportFromMetrics(db, store, from, to);
    },
  );
}

function timeOf(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new HttpError(400, 'bad_time', `"${text.slice(0, 40)}" is no time`);
  return time;
}

function since(text: string, now: Date): Date {
  const isTime = /^\d{4}-/.test(text);
  let from: Date;
  try {
    from = isTime ? timeOf(text) : new Date(now.getTime() - durationMs(text));
  } catch (error) {
    if (error instanceof TypeError) throw new HttpError(400, 'bad_time', error.message);
    throw error;
  }
  const age = now.getTime() - from.getTime();
  if (age > 0 && age <= LONGEST_REPORT_MS) return from;
  throw new HttpError(400, 'bad_time', 'a report looks back over 30 days at most, and not into the future');
}

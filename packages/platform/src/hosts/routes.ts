import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { durationMs } from '@kiln/protocol/duration.ts';
import { principalOf } from '@kiln/service/access/guard.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { forgetHost } from '@kiln/store/hosts/hosts.ts';
import { readDailyReport } from '@kiln/store/reads/daily-report.ts';
import { readHostMoment } from '@kiln/store/reads/host-moment.ts';
import { readUnit } from '@kiln/store/reads/host-unit.ts';
import { readHost, readHosts } from '@kiln/store/reads/hosts.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';
import { MetricsStore } from './metrics-store.ts';
import { reportFromMetrics } from './report-from-metrics.ts';
import { unitSeries } from './series.ts';

/** A report looks back over this much at most. */
const LONGEST_REPORT_MS = 30 * 86_400_000;

/** What is known of the hosts and their units, and the daily report. */
export function addHostRoutes(app: FastifyInstance, { db, bus, config, log }: FarmContext): void {
  const store = MetricsStore.of(config);
  const metricsStore = store !== null;

  registerRoute(app, 'GET /api/hosts', async (request) => await readHosts(db, request.query.rows ?? 0));

  registerRoute(app, 'GET /api/hosts/:host', async (request) => {
    const host = await readHost(db, request.params.host);
    if (!host) throw notFound('host', request.params.host);
    return { ...host, metricsStore };
  });

  registerRoute(app, 'DELETE /api/hosts/:host', async (request) => {
    const { host } = request.params;
    if (!(await forgetHost(db, host))) throw notFound('host', host);
    log.info({ host, by: principalOf(request).id }, 'host forgotten');
    bus.publish(SUBJECTS.changed, { topic: 'host', id: host });
    bus.publish(SUBJECTS.changed, { topic: 'problem', id: host });
    return null;
  });

  registerRoute(app, 'GET /api/hosts/:host/at', async (request) => {
    const moment = await readHostMoment(db, request.params.host, timeOf(request.query.time));
    if (!moment) throw notFound('host', request.params.host);
    return moment;
  });

  registerRoute(app, 'GET /api/hosts/:host/units/:unit', async (request) => {
    const { host, unit } = request.params;
    const detail = await readUnit(db, host, unit, request.query.before ?? null);
    if (!detail) throw notFound('unit', `${unit} on ${host}`);
    return { ...detail, metricsStore };
  });

  registerRoute(app, 'GET /api/hosts/:host/units/:unit/series', async (request) => {
    const { name, range = '1h' } = request.query;
    return await unitSeries(db, store, { ...request.params, name, range });
  });

  registerRoute(app, 'GET /api/report/daily', async (request) => {
    const to = new Date();
    const from = since(request.query.since ?? '24h', to);
    if (request.query.from !== 'metrics') return await readDailyReport(db, from, to);
    if (store === null) throw new HttpError('no_metrics_store', 'no metrics store is configured: set metrics.url');
    return await reportFromMetrics(db, store, from, to);
  });
}

function timeOf(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new HttpError('bad_time', `"${text.slice(0, 40)}" is no time`);
  return time;
}

function since(text: string, now: Date): Date {
  const isTime = /^\d{4}-/.test(text);
  let from: Date;
  try {
    from = isTime ? timeOf(text) : new Date(now.getTime() - durationMs(text));
  } catch (error) {
    if (error instanceof TypeError) throw new HttpError('bad_time', error.message);
    throw error;
  }
  const age = now.getTime() - from.getTime();
  if (age > 0 && age <= LONGEST_REPORT_MS) return from;
  throw new HttpError('bad_time', 'a report looks back over 30 days at most, and not into the future');
}

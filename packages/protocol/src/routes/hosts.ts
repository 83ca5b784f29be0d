import Type from 'typebox';
import {
  DailyReport,
  HostDetail,
  HostList,
  HostMoment,
  HostTokenList,
  NewHostToken,
  SERIES_NAMES,
  SERIES_RANGES,
  type SeriesName,
  type SeriesRange,
  UnitDetail,
  UnitSeries,
} from '../hosts.ts';
import type { RouteTable } from './definition.ts';
import { Bytes, IdParams, Nothing } from './params.ts';

const HostParams = Type.Object({ host: Type.String({ minLength: 1, maxLength: 253 }) });
const UnitParams = Type.Object({ ...HostParams.properties, unit: Type.String({ minLength: 1, maxLength: 256 }) });
const Series = Type.Unsafe<SeriesName>(Type.String({ enum: [...SERIES_NAMES] }));
const RangeName = Type.Unsafe<SeriesRange>(Type.String({ enum: [...SERIES_RANGES] }));
const ReportSource = Type.Unsafe<'kiln' | 'metrics'>(
  Type.String({ enum: ['kiln', 'metrics'], description: 'Kiln’s own history (default) or the metrics store' }),
);

/** What is known of the hosts and their units, what their heartbeats push, and their tokens. */
export const HOST_ROUTES = {
  'GET /api/hosts': {
    summary: 'The hosts underneath, with up to `rows` units each, those in trouble first',
    tag: 'hosts',
    permission: 'hosts.read',
    query: Type.Object(
      { rows: Type.Optional(Type.Integer({ minimum: 0, maximum: 2000, default: 0 })) },
      { additionalProperties: false },
    ),
    answers: { 200: HostList },
  },
  'GET /api/hosts/:host': {
    summary: 'A host with all of its units',
    tag: 'hosts',
    permission: 'hosts.read',
    params: HostParams,
    answers: { 200: HostDetail },
    errors: ['not_found'],
  },
  'DELETE /api/hosts/:host': {
    summary: 'Forget a host with its history. It is back with its next heartbeat',
    tag: 'hosts',
    permission: 'hosts.forget',
    params: HostParams,
    answers: { 204: Nothing },
    errors: ['not_found'],
  },
  'GET /api/hosts/:host/at': {
    summary: 'What a host’s units and their memory were at a moment, and what happened around it',
    tag: 'hosts',
    permission: 'hosts.read',
    params: HostParams,
    query: Type.Object({ time: Type.String({ format: 'date-time' }) }, { additionalProperties: false }),
    answers: { 200: HostMoment },
    errors: ['bad_time', 'not_found'],
  },
  'GET /api/hosts/:host/units/:unit': {
    summary: 'A unit with its history, the latest first',
    tag: 'hosts',
    permission: 'hosts.read',
    params: UnitParams,
    query: Type.Object(
      { before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })) },
      { additionalProperties: false },
    ),
    answers: { 200: UnitDetail },
    errors: ['not_found'],
  },
  'GET /api/hosts/:host/units/:unit/series': {
    summary: 'A chart of a unit: from the metrics store where one is configured, else from the last two hours',
    tag: 'hosts',
    permission: 'hosts.read',
    params: UnitParams,
    query: Type.Object({ name: Series, range: Type.Optional(RangeName) }, { additionalProperties: false }),
    answers: { 200: UnitSeries },
    errors: ['metrics_store_failed'],
  },
  'GET /api/report/daily': {
    summary: 'What failed, restarted or went stale on the hosts in the last 24 hours',
    tag: 'hosts',
    permission: 'hosts.read',
    query: Type.Object(
      {
        since: Type.Optional(Type.String({ description: 'A duration such as 24h or 7d, or a time', maxLength: 40 })),
        from: Type.Optional(ReportSource),
      },
      { additionalProperties: false },
    ),
    answers: { 200: DailyReport },
    errors: ['bad_time', 'no_metrics_store', 'metrics_store_failed'],
  },
  'GET /api/host-tokens': {
    summary: 'The tokens that may push metrics of hosts',
    tag: 'hosts',
    permission: 'host-tokens.read',
    answers: { 200: HostTokenList },
  },
  'POST /api/host-tokens': {
    summary: 'Make a token that may push the metrics of one host, and nothing else',
    tag: 'hosts',
    permission: 'host-tokens.manage',
    body: Type.Object(
      {
        name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$' }),
        anyHost: Type.Optional(
          Type.Boolean({ description: 'For a collector that passes on the metrics of many hosts' }),
        ),
      },
      { additionalProperties: false },
    ),
    answers: { 201: NewHostToken },
  },
  'DELETE /api/host-tokens/:id': {
    summary: 'End a token at once',
    tag: 'hosts',
    permission: 'host-tokens.manage',
    params: IdParams,
    answers: { 204: Nothing },
    errors: ['not_found'],
  },
  'POST /v1/metrics': {
    summary: 'Take in what heartbeats push: OTLP, with a token of a host',
    tag: 'hosts',
    permission: 'host-metrics.push',
    takes: 'bytes',
    answers: { 200: Bytes },
    form: 'bytes',
    media: ['application/x-protobuf', 'application/json'],
    errors: ['bad_request', 'unsupported_media_type'],
  },
} as const satisfies RouteTable;

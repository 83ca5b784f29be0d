import Type from 'typebox';
import { FarmStatus, RuntimeReadiness } from '../api.ts';
import type { RouteTable } from './definition.ts';
import { Nothing } from './params.ts';

/** `GET /health`. More keys tell which process it is. */
const Health = Type.Object({ status: Type.Literal('ok') }, { additionalProperties: true });
/** `GET /ready`. `reasons` are machine codes or short sentences. */
const Ready = Type.Object(
  {
    status: Type.Union([Type.Literal('ready'), Type.Literal('not_ready')]),
    ready: Type.Boolean(),
    reasons: Type.Array(Type.String()),
  },
  { additionalProperties: true },
);

const EVERYWHERE = ['platform', 'orchestrator', 'agent'] as const;

/** Open to watchdogs and scrapers, on every tier or on the platform. */
export const PROBE_ROUTES = {
  'GET /health': {
    summary: 'Whether the process lives; touches nothing that can be slow',
    tag: 'probes',
    tiers: EVERYWHERE,
    permission: 'public',
    answers: { 200: Health },
    listed: false,
  },
  'GET /ready': {
    summary: 'Whether the process can do its job, and why not',
    tag: 'probes',
    tiers: EVERYWHERE,
    permission: 'public',
    answers: { 200: Ready, 503: Ready },
    listed: false,
  },
  'GET /metrics': {
    summary: 'Metrics in the text format of Prometheus',
    tag: 'probes',
    tiers: EVERYWHERE,
    permission: 'public',
    answers: { 200: Nothing },
    form: 'text',
    media: ['text/plain'],
    listed: false,
  },
  'GET /healthz': {
    summary: 'Whether the process lives, as the word ok',
    tag: 'probes',
    permission: 'public',
    answers: { 200: Nothing },
    form: 'text',
    media: ['text/plain'],
    listed: false,
  },
  'GET /status': {
    summary: 'The farm in one object, for scrapers and watchdogs',
    tag: 'probes',
    permission: 'public',
    answers: { 200: FarmStatus },
    errors: ['database_unavailable'],
  },
  'GET /api/runtime/readiness': {
    summary: 'Whether the platform can do its job',
    tag: 'probes',
    permission: 'public',
    answers: { 200: RuntimeReadiness, 503: RuntimeReadiness },
  },
} as const satisfies RouteTable;

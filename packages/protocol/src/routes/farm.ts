import Type, { type Static } from 'typebox';
import { AgentList, Overview, PackageList, Trace } from '../api.ts';
import type { RouteTable } from './definition.ts';

const PackageQuery = Type.Object(
  {
    repository: Type.Optional(Type.String()),
    recipe: Type.Optional(Type.String()),
    cursor: Type.Optional(Type.String({ maxLength: 2000 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
  },
  { additionalProperties: false },
);
export type PackageQuery = Static<typeof PackageQuery>;

/** The farm as a whole: overview, agents, packages, and the story of one id. */
export const FARM_ROUTES = {
  'GET /api/overview': {
    summary: 'Is the farm well, and what is it doing',
    tag: 'farm',
    permission: 'farm.read',
    answers: { 200: Overview },
  },
  'GET /api/agents': {
    summary: 'Agents, the connected ones first',
    tag: 'farm',
    permission: 'farm.read',
    answers: { 200: AgentList },
  },
  'GET /api/packages': {
    summary: 'Published packages, the latest first',
    tag: 'packages',
    permission: 'packages.read',
    query: PackageQuery,
    answers: { 200: PackageList },
    errors: ['bad_cursor'],
  },
  'GET /api/trace/:id': {
    summary: 'The whole story of a request, by any id of it: request, run, job, event or delivery',
    tag: 'farm',
    permission: 'farm.read',
    params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 300 }) }),
    answers: { 200: Trace },
    errors: ['not_found', 'ambiguous_id'],
  },
  'GET /api/openapi.json': {
    summary: 'This description',
    tag: 'farm',
    permission: 'farm.read',
    answers: { 200: Type.Record(Type.String(), Type.Unknown()) },
    listed: false,
  },
} as const satisfies RouteTable;

import type { TObject, TSchema } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import type { Permission } from '../permissions.ts';

/** The processes that serve HTTP. */
export type Tier = 'platform' | 'orchestrator' | 'agent';

/** The chapters of the API's description, in its order. */
export const ROUTE_TAGS = {
  farm: 'The farm as a whole',
  runs: 'One event matched to one recipe at one version',
  jobs: 'The pieces of a run',
  logs: 'What the jobs printed: read, search, download',
  recipes: 'What is watched and built',
  packages: 'What was published',
  events: 'What may start work, and what became of it',
  hosts: 'The machines underneath: their systemd units, as their heartbeats tell them',
  access: 'Signing in and out',
  builds: 'Builds as the build service tells them: a task is a job',
  builders: 'Programs that build, and their tokens',
  live: 'The live socket',
  webhooks: 'What forges send',
  probes: 'Open to watchdogs and scrapers',
  agents: 'What agents say to an orchestrator',
  pages: 'The dashboard and the repositories',
} as const satisfies Record<string, string>;
export type RouteTag = keyof typeof ROUTE_TAGS;

/**
 * What a route needs of its caller: a permission; nothing (`public`); or a signature over the body that only its handler
 * can check (`signed`).
 */
export type RouteAccess = Permission | 'public' | 'signed';

/** How an answer comes when it is not one JSON value. */
export type AnswerForm = 'json-lines' | 'bytes' | 'text' | 'html' | 'websocket';

/** One route, as the platform registers it, clients call it, OpenAPI shows it and the role matrix tests it. */
export interface RouteDefinition {
  /** One sentence for people. */
  summary: string;
  description?: string;
  tag: RouteTag;
  /** Who serves it. Absent: the platform. */
  tiers?: readonly Tier[];
  permission: RouteAccess;
  /** The parts of the path that begin with a colon; `*` is the rest of a path. */
  params?: TObject;
  query?: TObject;
  /** The JSON of the body. */
  body?: TSchema;
  /** Set where the body is not JSON: its handler reads the bytes. */
  takes?: 'bytes';
  /** What is answered when all is well, by status; with one status only, the handler need not name it. */
  answers: Readonly<Record<number, TSchema>>;
  /** Absent: JSON. */
  form?: AnswerForm;
  /** Content types of the answer, where it is not JSON. */
  media?: readonly string[];
  /** The error codes of its own; `errorCodes` adds those that every route of its kind may answer. */
  errors?: readonly ErrorCode[];
  /** `false`: there is no HEAD beside this GET. */
  head?: false;
  /** `false`: it is no part of the API's description. */
  listed?: false;
}

/** Routes by key: the method, a space and the path. */
export type RouteTable = Readonly<Record<`${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`, RouteDefinition>>;

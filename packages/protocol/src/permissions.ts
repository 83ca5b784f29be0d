/**
 * Who may do what, as data: the kinds of callers, the permissions, and who holds which. Each route names the one permission
 * that it needs (`routes.ts`); nothing else decides. No imports: the dashboard may bundle this file.
 */

/** What a caller can be, by the credential that it shows. */
export const PRINCIPAL_KINDS = {
  admin: 'A program with the admin token.',
  session: 'A browser that signed in.',
  builder: 'A program that builds, with the token of a builder.',
  host: 'The heartbeat of one host, with a token of that host.',
  collector: 'A collector that passes on the metrics of many hosts.',
  join: 'A machine that wants to become an agent, with the join token.',
  agent: 'An agent, with the token that it got when it enrolled.',
} as const satisfies Record<string, string>;
export type PrincipalKind = keyof typeof PRINCIPAL_KINDS;

/**
 * Whom a permission is made for. A credential of any other kind is none there (401): so a token that was found tells its
 * finder nothing about where else it would open something.
 */
export const AUDIENCES = {
  people: ['admin', 'session'],
  builders: ['builder'],
  hosts: ['host', 'collector'],
  joining: ['join'],
  agents: ['agent'],
} as const satisfies Record<string, readonly PrincipalKind[]>;
export type Audience = keyof typeof AUDIENCES;

interface PermissionDefinition {
  audience: Audience;
  /** What it allows, in words that go on from "may". */
  allows: string;
  /** What a caller of the audience is told who does not hold it. */
  refusal?: string;
}

/** Every permission. */
export const PERMISSIONS = {
  'account.use': { audience: 'people', allows: 'ask who they are, and sign out' },
  'farm.read': { audience: 'people', allows: 'see the overview, the agents, and the story of any id' },
  'runs.read': { audience: 'people', allows: 'see runs and their jobs' },
  'runs.start': { audience: 'people', allows: 'order a run' },
  'runs.cancel': { audience: 'people', allows: 'cancel a run' },
  'runs.retry': { audience: 'people', allows: 'try a failed run again' },
  'logs.read': { audience: 'people', allows: 'read, search, download and follow the logs of jobs' },
  'tasks.follow-all': {
    audience: 'people',
    allows: 'follow every task at once',
    refusal: 'only an admin follows all tasks',
  },
  'recipes.read': { audience: 'people', allows: 'see recipes and the tags of their upstreams' },
  'recipes.poll': { audience: 'people', allows: 'have an upstream looked at now' },
  'packages.read': { audience: 'people', allows: 'see what was published' },
  'events.read': { audience: 'people', allows: 'see events and dead letters' },
  'events.retry': { audience: 'people', allows: 'give a dead letter its attempts again' },
  'events.discard': { audience: 'people', allows: 'remove a dead letter' },
  'hosts.read': { audience: 'people', allows: 'see hosts, their units and the daily report' },
  'hosts.forget': { audience: 'people', allows: 'remove a host with its history' },
  'builder-tokens.read': { audience: 'people', allows: 'see which builders have a token' },
  'builder-tokens.manage': { audience: 'people', allows: 'make and end the tokens of builders' },
  'host-tokens.read': { audience: 'people', allows: 'see the tokens of hosts, without their secrets' },
  'host-tokens.manage': {
    audience: 'people',
    allows: 'make and end the tokens of hosts',
    refusal: 'only the admin token makes and ends tokens: use kiln host token',
  },
  'sign-in-links.create': {
    audience: 'people',
    allows: 'make links that sign in a browser',
    refusal: 'only the admin token makes sign-in links; run `kiln sign-in`',
  },
  'tasks.report': { audience: 'builders', allows: 'report about the tasks that they hold' },
  'host-metrics.push': { audience: 'hosts', allows: 'push the metrics of their host' },
  'agents.enrol': { audience: 'joining', allows: 'become an agent' },
  'agents.connect': { audience: 'agents', allows: 'take jobs and report about them' },
  'artifacts.upload': { audience: 'agents', allows: 'upload the artifacts of the attempts that they hold' },
} as const satisfies Record<string, PermissionDefinition>;
export type Permission = keyof typeof PERMISSIONS;

/** The definition of a permission. */
export function permissionOf(permission: Permission): PermissionDefinition {
  return PERMISSIONS[permission];
}

const VIEWER = [
  'account.use',
  'farm.read',
  'runs.read',
  'logs.read',
  'recipes.read',
  'packages.read',
  'events.read',
  'hosts.read',
] as const satisfies readonly Permission[];

const OPERATOR = [
  ...VIEWER,
  'runs.start',
  'runs.cancel',
  'runs.retry',
  'recipes.poll',
  'events.retry',
] as const satisfies readonly Permission[];

/** What a person may do by role; each has all of the one before. */
export const ROLES = {
  viewer: VIEWER,
  operator: OPERATOR,
  admin: [
    ...OPERATOR,
    'tasks.follow-all',
    'events.discard',
    'hosts.forget',
    'builder-tokens.read',
    'builder-tokens.manage',
    'host-tokens.read',
  ],
} as const satisfies Record<string, readonly Permission[]>;
export type Role = keyof typeof ROLES;

/**
 * What each kind of caller may do. A session is a person's, so a role decides; today there is one person, the admin. Only
 * the admin token, which can be read by nobody but the owner of the farm's files, hands out new ways in.
 */
export const SCOPES: Readonly<Record<PrincipalKind, readonly Permission[]>> = {
  admin: [...ROLES.admin, 'host-tokens.manage', 'sign-in-links.create'],
  session: ROLES.admin,
  builder: ['tasks.report'],
  host: ['host-metrics.push'],
  collector: ['host-metrics.push'],
  join: ['agents.enrol'],
  agent: ['agents.connect', 'artifacts.upload'],
};

/** Who a request speaks for. Handlers ask this, never the form of the credential. */
export interface Principal {
  kind: PrincipalKind;
  /** `admin` for people today; else the id of the agent, the name of the builder, host, collector or join token. */
  id: string;
  /** The organisation that it belongs to. Absent: it is of the farm itself. */
  organisation?: string;
  /** What it may do. */
  scopes: readonly Permission[];
  /** The credential that it came with: when that ends, so do its sockets. */
  credentialId: string;
}

/** Whether a caller may do something. */
export function may(principal: Principal, permission: Permission): boolean {
  return principal.scopes.includes(permission);
}

/** Whether a credential of this kind counts as one where the permission is needed. */
export function isAudience(kind: PrincipalKind, permission: Permission): boolean {
  const kinds: readonly PrincipalKind[] = AUDIENCES[PERMISSIONS[permission].audience];
  return kinds.includes(kind);
}

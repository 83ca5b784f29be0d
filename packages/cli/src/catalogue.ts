import type { Command } from 'commander';

/** A command as `kiln --help` lists it. Its file is only loaded when it is called. */
export interface CatalogueEntry {
  name: string;
  summary: string;
  group: string;
  load: () => Promise<{ register(program: Command): void }>;
}

const FARM = 'The farm:';
const BUILDS = 'Builds:';
const HOSTS = 'The machines underneath:';
const SETUP = 'Setting it up:';
const TROUBLE = 'When something is wrong:';

/** Every command, in the order of the help. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    name: 'up',
    summary: 'run a whole farm on this machine',
    group: FARM,
    load: async () => await import('./commands/up.ts'),
  },
  {
    name: 'server',
    summary: 'run the platform and the orchestrator alone',
    group: FARM,
    load: async () => await import('./commands/server.ts'),
  },
  {
    name: 'agent',
    summary: 'run an agent, here or on another machine',
    group: FARM,
    load: async () => await import('./commands/agent.ts'),
  },
  {
    name: 'status',
    summary: 'what the farm does now',
    group: FARM,
    load: async () => await import('./commands/status.ts'),
  },
  {
    name: 'agents',
    summary: 'list the agents',
    group: FARM,
    load: async () => await import('./commands/agents.ts'),
  },
  {
    name: 'heartbeat',
    summary: "send the state of this machine's systemd units, once",
    group: FARM,
    load: async () => await import('./commands/heartbeat.ts'),
  },
  {
    name: 'sign-in',
    summary: 'print a link that signs a browser in',
    group: FARM,
    load: async () => await import('./commands/sign-in.ts'),
  },
  { name: 'runs', summary: 'list the runs', group: BUILDS, load: async () => await import('./commands/runs.ts') },
  { name: 'run', summary: 'start a recipe', group: BUILDS, load: async () => await import('./commands/run.ts') },
  {
    name: 'watch',
    summary: 'follow a run: progress and log',
    group: BUILDS,
    load: async () => await import('./commands/watch.ts'),
  },
  {
    name: 'logs',
    summary: 'read, search and follow the logs of builds',
    group: BUILDS,
    load: async () => await import('./commands/logs.ts'),
  },
  { name: 'cancel', summary: 'cancel a run', group: BUILDS, load: async () => await import('./commands/cancel.ts') },
  {
    name: 'retry',
    summary: 'try a failed run again',
    group: BUILDS,
    load: async () => await import('./commands/retry.ts'),
  },
  {
    name: 'packages',
    summary: 'list what was published',
    group: BUILDS,
    load: async () => await import('./commands/packages.ts'),
  },
  {
    name: 'units',
    summary: 'the systemd units of the hosts underneath',
    group: HOSTS,
    load: async () => await import('./commands/units.ts'),
  },
  {
    name: 'report',
    summary: 'what failed in the last day',
    group: HOSTS,
    load: async () => await import('./commands/report.ts'),
  },
  {
    name: 'host',
    summary: 'tokens of heartbeats, and hosts that are no more',
    group: HOSTS,
    load: async () => await import('./commands/host.ts'),
  },
  {
    name: 'recipes',
    summary: 'list and check the recipes',
    group: SETUP,
    load: async () => await import('./commands/recipes.ts'),
  },
  {
    name: 'builder',
    summary: 'tokens of programs that build over HTTP',
    group: SETUP,
    load: async () => await import('./commands/builder.ts'),
  },
  {
    name: 'config',
    summary: 'show and check the configuration',
    group: SETUP,
    load: async () => await import('./commands/config.ts'),
  },
  {
    name: 'grafana',
    summary: 'import the dashboards into a Grafana',
    group: SETUP,
    load: async () => await import('./commands/grafana.ts'),
  },
  {
    name: 'trace',
    summary: 'the whole story of a request, run, job or delivery',
    group: TROUBLE,
    load: async () => await import('./commands/trace.ts'),
  },
  {
    name: 'event-dlq',
    summary: 'events that could not be handled',
    group: TROUBLE,
    load: async () => await import('./commands/event-dlq.ts'),
  },
  {
    name: 'version',
    summary: 'print the version',
    group: TROUBLE,
    load: async () => await import('./commands/version.ts'),
  },
];

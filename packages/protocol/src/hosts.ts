import Type, { type Static } from 'typebox';
import {
  EXIT_KINDS,
  type ExitKind,
  TIMER_VERDICTS,
  type TimerVerdict,
  UNIT_STATES,
  type UnitState,
} from './host-states.ts';

/**
 * Shapes of what the API says about hosts and their systemd units. Times are RFC 3339 in UTC; those of transitions are of the
 * host's clock, as its heartbeat told them.
 */

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
const State = Type.Unsafe<UnitState>(Type.String({ enum: [...UNIT_STATES] }));
const Exit = Type.Unsafe<ExitKind>(Type.String({ enum: [...EXIT_KINDS] }));
const Verdict = Type.Unsafe<TimerVerdict>(Type.String({ enum: [...TIMER_VERDICTS] }));

/** How a unit failed last. `at` null: before the heartbeat could say when. */
export const UnitFailure = Type.Object({
  at: Nullable(Time),
  exitKind: Exit,
  /** Exit status, or the number of the signal. */
  exitStatus: Nullable(Type.Integer()),
  /** systemd's word, such as `exit-code`, `oom-kill` or `timeout`. */
  result: Nullable(Type.String()),
});
export type UnitFailure = Static<typeof UnitFailure>;

export const UnitTimer = Type.Object({
  lastTriggerAt: Nullable(Time),
  nextElapseAt: Nullable(Time),
  intervalSeconds: Nullable(Type.Number()),
  verdict: Nullable(Verdict),
});
export type UnitTimer = Static<typeof UnitTimer>;

/** One unit of a host as it is now, with its last 24 hours. */
export const UnitRow = Type.Object({
  host: Type.String(),
  unit: Type.String(),
  /** Whether the host's configuration names it. False: it is only here because it failed. */
  allowlisted: Type.Boolean(),
  masked: Type.Boolean(),
  state: State,
  /** systemd's own word, such as `running`, `dead` or `auto-restart`. */
  subState: Type.String(),
  /** Since when it is in this state, as far as is known. */
  since: Time,
  restarts24h: Type.Integer(),
  lastFailure: Nullable(UnitFailure),
  timer: Nullable(UnitTimer),
  /** 96 letters, a quarter of an hour each, the last one is now: f failed, m missing, r restarting, s stale, o ok, i inactive, u unknown. */
  strip: Type.String(),
});
export type UnitRow = Static<typeof UnitRow>;

/** Many units of a host that restarted within a minute, not at boot. */
export const MassRestart = Type.Object({
  host: Type.String(),
  at: Time,
  until: Time,
  units: Type.Array(Type.String()),
});
export type MassRestart = Static<typeof MassRestart>;

export const HostSummary = Type.Object({
  host: Type.String(),
  /** `ok`, `trouble` (a unit needs attention), or `silent` (no heartbeat for more than two of its intervals). */
  health: Type.Unsafe<'ok' | 'trouble' | 'silent'>(Type.String({ enum: ['ok', 'trouble', 'silent'] })),
  lastHeartbeatAt: Time,
  /** How far apart its heartbeats are. */
  tickSeconds: Type.Number(),
  /** How far its clock is ahead (positive) or behind; null when that is less than five seconds. */
  clockOffsetSeconds: Nullable(Type.Number()),
  bootAt: Nullable(Time),
  /** How many units are in each state; those that are not allowlisted count only in `others`. */
  units: Type.Record(Type.String(), Type.Integer()),
  /** Failed units that the configuration does not name. */
  others: Type.Integer(),
  restarts24h: Type.Integer(),
  /** In the last 24 hours, the latest first. */
  massRestarts: Type.Array(MassRestart),
});
export type HostSummary = Static<typeof HostSummary>;

/** `rows`: the units, those in trouble first, at most as many as were asked for of each host. */
export const HostList = Type.Object({
  now: Time,
  hosts: Type.Array(Type.Object({ ...HostSummary.properties, rows: Type.Array(UnitRow) })),
});
export type HostList = Static<typeof HostList>;

export const HostDetail = Type.Object({
  ...HostSummary.properties,
  now: Time,
  rows: Type.Array(UnitRow),
  /** Boots and times without a heartbeat in the last 30 days, the latest first; a silence ends with the heartbeat after it. */
  events: Type.Array(
    Type.Object({
      kind: Type.Unsafe<'boot' | 'silence'>(Type.String({ enum: ['boot', 'silence'] })),
      at: Time,
      until: Nullable(Time),
    }),
  ),
  /** Whether charts come from a metrics store. */
  metricsStore: Type.Boolean(),
});
export type HostDetail = Static<typeof HostDetail>;

/** Something that happened to a unit. */
export const UnitEvent = Type.Object({
  eventId: Type.Integer(),
  at: Time,
  /**
   * `seen` for the first time, `state` changed, `restart` by systemd itself (`count` times since the tick before), `start` by
   * anyone else while it ran, `failure`, `gone`: no longer told of.
   */
  kind: Type.String(),
  from: Nullable(State),
  to: Nullable(State),
  subState: Type.String(),
  count: Type.Integer(),
  exitKind: Exit,
  exitStatus: Nullable(Type.Integer()),
  result: Nullable(Type.String()),
  verdict: Nullable(Verdict),
  memoryBytes: Nullable(Type.Number()),
});
export type UnitEvent = Static<typeof UnitEvent>;

export const UnitDetail = Type.Object({
  ...UnitRow.properties,
  now: Time,
  lastHeartbeatAt: Time,
  silent: Type.Boolean(),
  memoryBytes: Nullable(Type.Number()),
  cpuSeconds: Nullable(Type.Number()),
  tasks: Nullable(Type.Integer()),
  lastExit: Type.Object({ kind: Exit, status: Nullable(Type.Integer()), result: Nullable(Type.String()) }),
  /** The latest first, of the last 30 days. */
  events: Type.Array(UnitEvent),
  /** Ask for what is older with `before`; null: there is nothing. */
  nextBefore: Nullable(Type.Integer()),
  metricsStore: Type.Boolean(),
});
export type UnitDetail = Static<typeof UnitDetail>;

/** What a host's units were at one moment: `reading` as its heartbeat told it then, `transitions` as its history has it. */
export const HostMoment = Type.Object({
  host: Type.String(),
  at: Time,
  source: Type.Unsafe<'reading' | 'transitions'>(Type.String({ enum: ['reading', 'transitions'] })),
  /** When the reading was taken. */
  readAt: Nullable(Time),
  bootAt: Nullable(Time),
  units: Type.Array(
    Type.Object({
      unit: Type.String(),
      state: State,
      subState: Type.String(),
      memoryBytes: Nullable(Type.Number()),
      tasks: Nullable(Type.Integer()),
    }),
  ),
  /** What happened to its units within five minutes of it. */
  around: Type.Array(Type.Object({ unit: Type.String(), ...UnitEvent.properties })),
});
export type HostMoment = Static<typeof HostMoment>;

/** The stretches of time that a chart can show. */
export const SERIES_RANGES = ['1h', '6h', '24h', '7d', '30d'] as const;
export type SeriesRange = (typeof SERIES_RANGES)[number];

export const SERIES_NAMES = ['memory', 'cpu', 'restarts'] as const;
export type SeriesName = (typeof SERIES_NAMES)[number];

/** A chart of a unit: bytes, cores, or restarts since the point before. */
export const UnitSeries = Type.Object({
  name: Type.Unsafe<SeriesName>(Type.String({ enum: [...SERIES_NAMES] })),
  /** `kiln`: from the readings of the last two hours that Kiln keeps itself. */
  source: Type.Unsafe<'store' | 'kiln'>(Type.String({ enum: ['store', 'kiln'] })),
  from: Time,
  to: Time,
  stepSeconds: Type.Number(),
  /** Seconds since the epoch and value; null where nothing is known. */
  points: Type.Array(Type.Tuple([Type.Number(), Nullable(Type.Number())])),
});
export type UnitSeries = Static<typeof UnitSeries>;

/** What went wrong on the hosts in a stretch of time. */
export const DailyReport = Type.Object({
  from: Time,
  to: Time,
  source: Type.Unsafe<'kiln' | 'metrics'>(Type.String({ enum: ['kiln', 'metrics'] })),
  /** Nothing at all happened. */
  quiet: Type.Boolean(),
  hosts: Type.Integer(),
  units: Type.Array(
    Type.Object({
      host: Type.String(),
      unit: Type.String(),
      failures: Type.Integer(),
      restarts: Type.Integer(),
      /** How often its timer went stale. */
      stale: Type.Integer(),
      /** What it is now; null where that is not known. */
      state: Nullable(State),
      lastFailure: Nullable(UnitFailure),
    }),
  ),
  massRestarts: Type.Array(MassRestart),
  /** Times without a heartbeat; `until` null: it is silent still. */
  silences: Type.Array(Type.Object({ host: Type.String(), at: Time, until: Nullable(Time) })),
  runs: Type.Object({ total: Type.Integer(), failed: Type.Integer() }),
});
export type DailyReport = Static<typeof DailyReport>;

/** A token that may push metrics and nothing else. `host` null: of any host. */
export const HostToken = Type.Object({
  tokenId: Type.String(),
  name: Type.String(),
  host: Nullable(Type.String()),
  createdAt: Time,
});
export type HostToken = Static<typeof HostToken>;

export const HostTokenList = Type.Object({ tokens: Type.Array(HostToken) });
export type HostTokenList = Static<typeof HostTokenList>;

/** The token itself is told once. */
export const NewHostToken = Type.Object({ ...HostToken.properties, token: Type.String() });
export type NewHostToken = Static<typeof NewHostToken>;

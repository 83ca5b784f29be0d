import {
  ATTEMPT_EDGES,
  type AttemptStatus,
  JOB_EDGES,
  type JobStatus,
  RUN_EDGES,
  type RunStatus,
} from '@kiln/protocol/states.ts';
import type { Queryable } from './database.ts';
import type { Fragment } from './lease.ts';

const TABLES = { runs: RUN_EDGES, jobs: JOB_EDGES, attempts: ATTEMPT_EDGES };

/** The tables whose rows have a status, with what it can be. */
interface Statuses {
  runs: RunStatus;
  jobs: JobStatus;
  attempts: AttemptStatus;
}

type Status = Statuses[keyof Statuses];

/** The statuses from which the table of legal states lets a row become `To`. */
type Before<Table extends keyof Statuses, To> = {
  [From in keyof (typeof TABLES)[Table]]: To extends keyof (typeof TABLES)[Table][From] ? From : never;
}[keyof (typeof TABLES)[Table]];

/** A change of status that a statement makes: from one of some statuses to one. */
export interface Edge<To extends Status = Status> {
  readonly table: keyof Statuses;
  readonly from: readonly Status[];
  readonly to: To;
}

/** Names a change of status. Only those in the tables of `protocol/states.ts` compile. */
export function edge<Table extends keyof Statuses, const To extends Statuses[Table]>(
  table: Table,
  from: readonly (Before<Table, To> & Status)[],
  to: To,
): Edge<To> {
  return { table, from, to };
}

/** `status IN ${from(sql, CANCEL)}`: the statuses that these changes begin with. */
export function from(sql: Queryable, ...edges: readonly Edge[]): Fragment {
  return among(
    sql,
    edges.flatMap((one) => one.from),
  );
}

/** `status = ${to(sql, CANCEL)}`: the status that a change ends with. */
export function to(sql: Queryable, { to: status }: Edge): Fragment {
  return literally(sql, `'${status}'`);
}

/**
 * `status IN ${among(sql, HELD_JOB_STATUSES)}`. Written into the statement and no parameters of it: the planner takes a partial
 * index only when it sees that the statuses are those of the index.
 */
export function among(sql: Queryable, statuses: readonly Status[]): Fragment {
  return literally(sql, `('${[...new Set(statuses)].join("', '")}')`);
}

/** The fragments that were asked for, by their text. They are few, and the busiest statements have a dozen each. */
const fragments = new Map<string, Fragment>();

function literally(sql: Queryable, text: string): Fragment {
  const known = fragments.get(text);
  if (known) return known;
  const made: Fragment = sql.unsafe(text);
  fragments.set(text, made);
  return made;
}

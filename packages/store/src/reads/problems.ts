import type { Overview } from '@kiln/protocol/api.ts';
import type { Queryable } from '../database.ts';
import { countDeadLetters } from '../events.ts';
import { hostProblems } from './host-problems.ts';

type Problem = Overview['problems'][number];

/** No page shows more reasons of one kind. */
const LIMIT = 5;

/** Why not all is well, the gravest first; empty when it is. `href` is a path of the dashboard. */
export async function readProblems(sql: Queryable): Promise<Problem[]> {
  const found = await Promise.all([
    silence(sql),
    deadLetters(sql),
    hostProblems(sql),
    unfitting(sql),
    unreadable(sql),
    failing(sql),
  ]);
  return found.flat();
}

/** Work waits and no agent is there to do it. */
async function silence(sql: Queryable): Promise<Problem[]> {
  const [row] = await sql<{ connected: number; waiting: number }[]>`
    SELECT (SELECT count(*) FROM agents WHERE instance IS NOT NULL) AS connected,
      (SELECT count(*) FROM jobs WHERE status = 'queued' AND unmet = 0) AS waiting`;
  if (!row || row.connected > 0) return [];
  const waiting = row.waiting === 0 ? 'nothing can be built' : `${amount(row.waiting, 'job')} waiting`;
  return [{ message: `no agent is connected: ${waiting}`, href: '/fleet' }];
}

async function deadLetters(sql: Queryable): Promise<Problem[]> {
  const count = await countDeadLetters(sql);
  if (count === 0) return [];
  return [{ message: `${amount(count, 'event')} failed every attempt and became dead letters`, href: '/operations' }];
}

/** Jobs whose labels no connected agent has. */
async function unfitting(sql: Queryable): Promise<Problem[]> {
  const rows = await sql<{ labels: string[]; count: number }[]>`
    SELECT j.labels, count(*) AS count FROM jobs j
    WHERE j.status = 'queued' AND j.unmet = 0
      AND EXISTS (SELECT 1 FROM agents WHERE instance IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM agents g WHERE g.instance IS NOT NULL AND j.labels <@ g.labels)
    GROUP BY j.labels ORDER BY count DESC LIMIT ${LIMIT}`;
  return rows.map(({ labels, count }) => ({
    message: `${amount(count, 'job')} waiting for an agent with ${labels.join(', ')}`,
    href: '/fleet',
  }));
}

/** Upstreams that could not be read at the last look. */
async function unreadable(sql: Queryable): Promise<Problem[]> {
  const rows = await sql<{ recipe: string; error: string }[]>`
    SELECT w.recipe, w.last_poll->>'error' AS error FROM watches w JOIN recipes r ON r.name = w.recipe
    WHERE w.last_poll->>'error' IS NOT NULL ORDER BY r.position LIMIT ${LIMIT}`;
  return rows.map(({ recipe, error }) => ({
    message: `the upstream of ${recipe} can't be read: ${error}`,
    href: `/recipes/${encodeURIComponent(recipe)}`,
  }));
}

/** Versions that failed at their last try. */
async function failing(sql: Queryable): Promise<Problem[]> {
  const rows = await sql<{ recipe: string; version: string; failures: number; runId: string }[]>`
    SELECT recipe, version, failures, run_id FROM backoff ORDER BY failed_at DESC LIMIT ${LIMIT}`;
  return rows.map(({ recipe, version, failures, runId }) => ({
    message: `${recipe} ${version} failed${failures > 1 ? ` ${failures} times in a row` : ''}`,
    href: `/runs/${runId}`,
  }));
}

function amount(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

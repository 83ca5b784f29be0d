import type { RecipeSummary } from '@kiln/protocol/api.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { IconAlertTriangle } from '@tabler/icons-react';
import { plural } from '../../parts/format.ts';
import { Ago } from '../../parts/time.tsx';
import css from './recipes.module.css';

/** What the last look at the upstream saw, or why it failed, and when the next one is. */
export function PollNote({ recipe }: { recipe: RecipeSummary }) {
  const { upstream, lastPoll, lastPollAt, nextPollAt } = recipe;
  if (!upstream) return <span className="dim">watches no upstream</span>;
  if (!lastPollAt && !nextPollAt) return <span className="dim">not polled</span>;
  const next = nextPollAt ? (
    <>
      next <Ago at={nextPollAt} />
    </>
  ) : (
    'only when a webhook says so'
  );
  if (!lastPoll || !lastPollAt) return <span className="dim">not looked at yet, {next}</span>;
  if (lastPoll.error) {
    return (
      <span className={css.pollError} title={lastPoll.error}>
        <IconAlertTriangle size={15} aria-hidden />
        <span className="ellipsis">{lastPoll.error}</span>
      </span>
    );
  }
  return (
    <span className="dim" title={`Took ${formatDuration(lastPoll.durationMs)}`}>
      {plural(lastPoll.tagsSeen, 'tag')}, {lastPoll.matches} matching, seen <Ago at={lastPollAt} />; {next}
    </span>
  );
}

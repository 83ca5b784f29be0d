import type { RunSummary } from '@kiln/protocol/api.ts';
import { formatDuration } from '@kiln/protocol/duration.ts';
import { Link } from '@tanstack/react-router';
import { exactTime } from '../../parts/format.ts';
import { statusTone, statusWord } from '../../parts/status.tsx';
import css from './recipe.module.css';

const MOST = 60;
const HEIGHT = 48;

/** How long the last runs took, oldest first, in the colours of their statuses. Each bar is a link. */
export function History({ runs }: { runs: RunSummary[] }) {
  const ended = runs
    .flatMap((run) =>
      run.startedAt && run.finishedAt ? [{ run, ms: Date.parse(run.finishedAt) - Date.parse(run.startedAt) }] : [],
    )
    .slice(0, MOST)
    .reverse();
  if (ended.length < 3) return null;
  const longest = Math.max(1, ...ended.map(({ ms }) => ms));
  return (
    <figure className={css.history}>
      <div className={css.bars} style={{ height: HEIGHT }}>
        {ended.map(({ run, ms }) => (
          <Link
            key={run.runId}
            to="/runs/$runId"
            params={{ runId: run.runId }}
            title={`${run.version}: ${statusWord(run.status)} after ${formatDuration(ms)}, ${exactTime(run.createdAt)}`}
            aria-label={`${run.version}: ${statusWord(run.status)} after ${formatDuration(ms)}`}
          >
            <span
              style={{
                height: Math.max(3, (ms / longest) * HEIGHT),
                background: `var(--k-${statusTone(run.status)}-fill)`,
              }}
            />
          </Link>
        ))}
      </div>
      <figcaption>
        Duration of the last {ended.length} ended runs, the longest {formatDuration(longest)}
      </figcaption>
    </figure>
  );
}

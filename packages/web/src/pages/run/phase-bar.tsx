import type { AttemptSummary, JobDetail, RunDetail } from '@kiln/protocol/api.ts';
import { isFinishedRun } from '@kiln/protocol/states.ts';
import { type StepState, statusTone, statusWord, type Tone } from '../../parts/status.tsx';
import { Elapsed } from '../../parts/time.tsx';
import css from './phase-bar.module.css';

interface Segment {
  name: string;
  weight: number;
  tone: Tone;
  word: string;
  /** How much of it is done, 0 to 1. */
  filled: number;
  from: string | number | null;
  to: string | number | null;
}

/** Waiting for an agent: not one of the recipe's phases, and of no width that anybody could foretell. */
const QUEUED = 'Queued';

/** One segment a phase, as wide as its weight, filled as it goes; queueing before and publishing after. */
export function PhaseBar({
  run,
  job,
  attempt,
}: {
  run: RunDetail;
  job: JobDetail | null;
  attempt: AttemptSummary | null;
}) {
  const segments = segmentsOf(run, job, attempt);
  const percent = attempt?.percent ?? 0;
  const running = !isFinishedRun(run.status);
  return (
    <div className={css.wrap}>
      <ol className={css.bar} aria-label="Phases">
        {segments.map((segment) => (
          <li
            key={segment.name}
            className={css.segment}
            style={{ flexGrow: segment.weight }}
            data-queued={segment.name === QUEUED || undefined}
            title={`${segment.name}: ${segment.word}`}
            data-tone={segment.tone}
            data-idle={segment.filled === 0 || undefined}
          >
            <span className={css.track}>
              <span className={css.fill} style={{ transform: `scaleX(${segment.filled})` }} />
            </span>
            <span className={css.label}>
              <b>{segment.name}</b>
              <span className="visually-hidden">{segment.word}</span>
              {segment.from !== null && (
                <span className={css.duration}>
                  <Elapsed from={segment.from} to={segment.to} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ol>
      <p className={css.total}>
        {running && run.status !== 'queued' && <b>{Math.floor(percent)}%</b>}
        <span className="dim">{running ? (run.startedAt ? 'elapsed ' : 'waiting ') : 'took '}</span>
        <Elapsed from={run.startedAt ?? run.createdAt} to={run.finishedAt} />
      </p>
    </div>
  );
}

function segmentsOf(run: RunDetail, job: JobDetail | null, attempt: AttemptSummary | null): Segment[] {
  const waits = attempt === null && !isFinishedRun(run.status);
  const queued: Segment = {
    name: QUEUED,
    weight: attempt ? 0 : 1,
    tone: waits ? 'blue' : 'grey',
    word: waits ? (job?.waiting ?? 'Waiting') : 'over',
    filled: 1,
    from: job && (!attempt || attempt.attempt === 1) ? job.createdAt : null,
    to: attempt?.startedAt ?? run.finishedAt,
  };
  const phases = attempt?.phases ?? [];
  const all = phases.reduce((sum, phase) => sum + phase.weight, 0) || 1;
  let before = 0;
  const scale = phases.length / all;
  const middle = phases.map((phase): Segment => {
    const done = ((attempt?.percent ?? 0) / 100) * all - before;
    before += phase.weight;
    const isOver = phase.state === 'completed' || phase.state === 'failed' || phase.state === 'cancelled';
    return {
      name: phase.name,
      weight: Math.max(0.35, phase.weight * scale),
      tone: statusTone(phase.state),
      word: statusWord(phase.state),
      filled: isOver ? 1 : phase.state === 'running' ? Math.min(1, Math.max(0.02, done / phase.weight)) : 0,
      from: phase.startedAt,
      to: phase.finishedAt,
    };
  });
  return [queued, ...middle, ...publishing(run)];
}

/** Publishing is the run's own phase: it begins when every job is completed. */
function publishing(run: RunDetail): Segment[] {
  if (run.status !== 'publishing' && run.packages.length === 0 && run.failure?.class !== 'Publish Failed') return [];
  const ends = run.jobList.map((job) => job.finishedAt ?? '').toSorted();
  const state: StepState =
    run.status === 'publishing'
      ? 'running'
      : run.failure
        ? 'failed'
        : run.packages.length > 0
          ? 'completed'
          : 'waiting';
  return [
    {
      name: 'Publish',
      weight: 0.4,
      tone: statusTone(state),
      word: statusWord(state),
      filled: state === 'running' ? 0.5 : 1,
      from: ends.at(-1) || null,
      to: run.finishedAt,
    },
  ];
}

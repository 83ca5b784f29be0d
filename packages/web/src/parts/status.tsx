import type { JobStatus, RunStatus } from '@kiln/protocol/states.ts';
import {
  IconBan,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconCircleMinus,
  IconCircleXFilled,
  IconClock,
  IconLoader2,
} from '@tabler/icons-react';
import css from './status.module.css';
import { useChanges } from './use-changes.ts';

/** States of a phase or a step, as the agent reports them. */
export type StepState = 'waiting' | 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled';
export type AnyStatus = RunStatus | JobStatus | StepState;
export type Tone = 'blue' | 'yellow' | 'green' | 'red' | 'grey';

const LOOK: Record<AnyStatus, { word: string; tone: Tone; icon: typeof IconClock; spins?: true }> = {
  queued: { word: 'Queued', tone: 'blue', icon: IconClock },
  started: { word: 'Starting', tone: 'yellow', icon: IconLoader2, spins: true },
  building: { word: 'Building', tone: 'yellow', icon: IconLoader2, spins: true },
  publishing: { word: 'Publishing', tone: 'yellow', icon: IconLoader2, spins: true },
  cancelling: { word: 'Cancelling', tone: 'yellow', icon: IconLoader2, spins: true },
  completed: { word: 'Complete', tone: 'green', icon: IconCircleCheckFilled },
  failed: { word: 'Failed', tone: 'red', icon: IconCircleXFilled },
  cancelled: { word: 'Cancelled', tone: 'grey', icon: IconBan },
  waiting: { word: 'Waiting', tone: 'grey', icon: IconCircleDashed },
  running: { word: 'Running', tone: 'yellow', icon: IconLoader2, spins: true },
  skipped: { word: 'Skipped', tone: 'grey', icon: IconCircleMinus },
};

/** The word of a status, as people read it. */
export function statusWord(status: AnyStatus): string {
  return LOOK[status].word;
}

/** The hue of a status. Its colours are `--k-<tone>`, `--k-<tone>-fill` and `--k-<tone>-soft`. */
export function statusTone(status: AnyStatus): Tone {
  return LOOK[status].tone;
}

/** A status as an icon and a word in its colour; `iconOnly` keeps the word for screen readers. Flashes when it changes. */
export function Status({ status, iconOnly, size = 16 }: { status: AnyStatus; iconOnly?: boolean; size?: number }) {
  const { word, tone, icon: Icon, spins } = LOOK[status];
  const changes = useChanges(status);
  return (
    <span key={changes} className={css.status} data-tone={tone} data-flash={changes > 0 || undefined}>
      <Icon size={size} className={spins && css.spin} aria-hidden />
      <span className={iconOnly ? 'visually-hidden' : undefined}>{word}</span>
    </span>
  );
}

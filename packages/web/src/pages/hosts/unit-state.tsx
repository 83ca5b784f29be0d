import type { UnitState } from '@kiln/protocol/host-states.ts';
import {
  IconCircleCheckFilled,
  IconCircleMinus,
  IconCircleXFilled,
  IconClockExclamation,
  IconHelpCircleFilled,
  IconRefreshAlert,
} from '@tabler/icons-react';
import css from '../../parts/status.module.css';
import type { Tone } from '../../parts/status.tsx';
import { useChanges } from '../../parts/use-changes.ts';

const LOOK: Record<UnitState, { word: string; tone: Tone; icon: typeof IconCircleMinus }> = {
  ok: { word: 'OK', tone: 'green', icon: IconCircleCheckFilled },
  inactive: { word: 'Inactive', tone: 'grey', icon: IconCircleMinus },
  restarting: { word: 'Restarting', tone: 'yellow', icon: IconRefreshAlert },
  stale: { word: 'Stale', tone: 'yellow', icon: IconClockExclamation },
  failed: { word: 'Failed', tone: 'red', icon: IconCircleXFilled },
  missing: { word: 'Missing', tone: 'red', icon: IconHelpCircleFilled },
};

/** The word of a unit's state. */
export function unitStateWord(state: UnitState): string {
  return LOOK[state].word;
}

/** A unit's state as an icon and a word in its colour. Flashes when it changes. */
export function UnitStateMark({ state, masked, old }: { state: UnitState; masked?: boolean; old?: boolean }) {
  const { word, tone, icon: Icon } = LOOK[state];
  const changes = useChanges(state);
  return (
    <span key={changes} className={css.status} data-tone={old ? 'grey' : tone} data-flash={changes > 0 || undefined}>
      <Icon size={16} aria-hidden />
      <span>{masked ? 'Masked' : old ? `Was ${word}` : word}</span>
    </span>
  );
}

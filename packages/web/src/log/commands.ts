import type { IconArrowBarToDown } from '@tabler/icons-react';

export type CommandId =
  | 'search'
  | 'nextHit'
  | 'previousHit'
  | 'only'
  | 'firstError'
  | 'nextIssue'
  | 'previousIssue'
  | 'goTo'
  | 'nextStep'
  | 'previousStep'
  | 'foldHere'
  | 'foldDone'
  | 'start'
  | 'end'
  | 'pause'
  | 'wrap'
  | 'times'
  | 'full'
  | 'copy'
  | 'link';

/** Something that can be done with the log: by its key, by a button or in the menu. */
export interface Command {
  key: string;
  label: string;
  icon: typeof IconArrowBarToDown;
  /** Null while there is nothing to do. */
  run: (() => void) | null;
  pressed?: boolean;
}

export type Commands = Record<CommandId, Command>;

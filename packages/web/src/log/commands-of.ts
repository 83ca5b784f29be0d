import {
  IconArrowBarToDown,
  IconArrowBarToUp,
  IconChevronsDown,
  IconChevronsUp,
  IconClock,
  IconClockOff,
  IconClockPlay,
  IconCopy,
  IconFileAlert,
  IconFold,
  IconHash,
  IconLink,
  IconListSearch,
  IconMaximize,
  IconMinimize,
  IconPlayerPause,
  IconPlayerPlay,
  IconSearch,
  IconSectionSign,
  IconTextWrap,
} from '@tabler/icons-react';
import { plural } from '../parts/format.ts';
import { tell, tellFailure } from '../parts/tell.tsx';
import type { Commands } from './commands.ts';
import { copyLines, copyText, MOST_COPIED } from './copy-lines.ts';
import { type Folds, foldDone, withFold } from './folds.ts';
import { type Group, groupBeside, groupsAt } from './groups.ts';
import type { LogPrefs } from './prefs.ts';
import { selectionHash } from './selection.ts';
import type { LogOf } from './use-log.ts';
import type { LogAddress } from './use-log-address.ts';
import type { useMoves } from './use-moves.ts';
import type { useViewport } from './use-viewport.ts';

const TIMES = {
  since: { icon: IconClockPlay, word: 'since the start' },
  clock: { icon: IconClock, word: 'of the clock' },
  off: { icon: IconClockOff, word: 'off' },
} as const;

/** What the commands act on. */
interface Acted {
  log: LogOf;
  complete: boolean;
  address: LogAddress;
  viewport: ReturnType<typeof useViewport>;
  moves: ReturnType<typeof useMoves>;
  groups: readonly Group[];
  folds: Folds;
  setFolds: (folds: Folds) => void;
  isFolded: (group: Group) => boolean;
  narrowed: boolean;
  hits: number;
  hasIssues: boolean;
  firstError: number | null;
  prefs: LogPrefs;
  nextTimes: () => void;
  toggleWrap: () => void;
  full: boolean;
  setFull: (full: boolean) => void;
  openSearch: () => void;
  openGoto: () => void;
}

/** Everything that can be done with the log now. */
export function commandsOf(acted: Acted): Commands {
  const { log, complete, address, viewport, moves, groups, folds, setFolds, isFolded, narrowed, hits } = acted;
  const { prefs, full, firstError, hasIssues } = acted;
  const { params, selection } = address;
  const { icon: timesIcon, word } = TIMES[prefs.times];
  const inView = groupsAt(groups, viewport.topLine).at(-1) ?? null;
  const goGroup = (way: 1 | -1) => {
    const group = groupBeside(groups, viewport.topLine, way);
    if (group) moves.go(group.first, 0);
  };
  const copy = async () => {
    if (!selection) return;
    const count = selection.last - selection.first + 1;
    try {
      if (count > MOST_COPIED)
        throw new Error(`${plural(count, 'line')} are too many to copy; download the log instead`);
      await copyLines(log, selection);
      tell(`${plural(count, 'line')} copied`);
    } catch (error) {
      tellFailure('The lines were not copied', error);
    }
  };
  const link = async () => {
    if (!selection) return;
    try {
      await copyText(new URL(`${address.href}#${selectionHash(selection)}`, document.baseURI).href);
      tell('Link copied');
    } catch (error) {
      tellFailure('The link was not copied', error);
    }
  };
  return {
    search: { key: '/', label: 'Search the log', icon: IconSearch, run: acted.openSearch },
    nextHit: { key: 'n', label: 'Next hit', icon: IconChevronsDown, run: hits > 0 ? () => void moves.nextHit() : null },
    previousHit: { key: 'N', label: 'Hit before', icon: IconChevronsUp, run: hits > 0 ? moves.previousHit : null },
    only: {
      key: 'm',
      label: params.only === undefined ? 'Show only matching lines' : 'Show all lines',
      icon: IconListSearch,
      run: params.q === undefined ? null : () => address.patch({ only: params.only === undefined ? '0' : undefined }),
    },
    firstError: {
      key: 'e',
      label: 'Jump to the first error',
      icon: IconFileAlert,
      run: firstError === null ? null : () => moves.go(firstError),
    },
    nextIssue: {
      key: 'w',
      label: 'Next warning or error',
      icon: IconChevronsDown,
      run: hasIssues ? () => void moves.goIssue(1) : null,
    },
    previousIssue: {
      key: 'W',
      label: 'Warning or error before',
      icon: IconChevronsUp,
      run: hasIssues ? () => void moves.goIssue(-1) : null,
    },
    goTo: { key: 'g', label: 'Go to a line or a time', icon: IconHash, run: acted.openGoto },
    nextStep: {
      key: ']',
      label: 'Next step',
      icon: IconSectionSign,
      run: groups.length > 0 && !narrowed ? () => goGroup(1) : null,
    },
    previousStep: {
      key: '[',
      label: 'Step before',
      icon: IconSectionSign,
      run: groups.length > 0 && !narrowed ? () => goGroup(-1) : null,
    },
    foldHere: {
      key: 'x',
      label: inView && isFolded(inView) ? 'Open the step in view' : 'Fold the step in view',
      icon: IconFold,
      run:
        inView && !narrowed
          ? () => {
              const folded = isFolded(inView);
              if (!folded && viewport.topLine > inView.first) viewport.toLine(inView.first, 0);
              setFolds(withFold(folds, [inView], !folded));
            }
          : null,
    },
    foldDone: {
      key: 'z',
      label: folds.done ? 'Open all steps' : 'Fold all that ended well',
      icon: IconFold,
      pressed: folds.done,
      run: groups.length > 0 && !narrowed ? () => setFolds(foldDone(!folds.done)) : null,
    },
    start: { key: 'Home', label: 'Jump to the beginning', icon: IconArrowBarToUp, run: viewport.toStart },
    end: {
      key: 'End',
      label: complete ? 'Jump to the end' : 'Follow the end',
      icon: IconArrowBarToDown,
      run: viewport.toEnd,
      ...(complete ? {} : { pressed: viewport.following }),
    },
    pause: {
      key: 'p',
      label: viewport.following ? 'Pause' : 'Go on following',
      icon: viewport.following ? IconPlayerPause : IconPlayerPlay,
      run: complete ? null : viewport.following ? viewport.pause : viewport.toEnd,
    },
    wrap: {
      key: 'l',
      label: prefs.wrap ? 'Do not wrap lines' : 'Wrap long lines',
      icon: IconTextWrap,
      pressed: prefs.wrap,
      run: acted.toggleWrap,
    },
    times: { key: 't', label: `Times: ${word}`, icon: timesIcon, run: acted.nextTimes },
    full: {
      key: 'f',
      label: full ? 'Leave the full screen' : 'Full screen',
      icon: full ? IconMinimize : IconMaximize,
      pressed: full,
      run: () => acted.setFull(!full),
    },
    copy: { key: 'c', label: 'Copy lines', icon: IconCopy, run: selection ? () => void copy() : null },
    link: { key: 'y', label: 'Copy link', icon: IconLink, run: selection ? () => void link() : null },
  };
}

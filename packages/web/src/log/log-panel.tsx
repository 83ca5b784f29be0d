import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import { useMemo, useRef, useState } from 'react';
import { ApiFailure } from '../api/request.ts';
import { formatCount } from '../parts/format.ts';
import { Problem } from '../parts/notices.tsx';
import { useShell } from '../shell/shell-context.ts';
import { commandsOf } from './commands-of.ts';
import { FilterBar } from './filter-bar.tsx';
import { type Folds, foldDone, formatFolds, isFolded, parseFolds, withFold } from './folds.ts';
import { GotoBox } from './goto-box.tsx';
import { type Group, groupsAt, groupsOf, hiddenBy } from './groups.ts';
import { Lines } from './lines.tsx';
import css from './log.module.css';
import { LogGone } from './log-gone.tsx';
import { LogToolbar } from './log-toolbar.tsx';
import { useLogPrefs } from './prefs.ts';
import { Rows } from './rows.ts';
import { Ruler } from './ruler.tsx';
import { SearchBar } from './search-bar.tsx';
import { SelectionBar } from './selection-bar.tsx';
import { Sticky } from './sticky.tsx';
import { type LogOf, useLog } from './use-log.ts';
import { useLogAddress } from './use-log-address.ts';
import { useLogKeys } from './use-log-keys.ts';
import { foundRows, isNarrowed, useLogSearch } from './use-log-search.ts';
import { useMoves } from './use-moves.ts';
import { useOpening } from './use-opening.ts';
import { useSaid } from './use-said.ts';
import { useViewport } from './use-viewport.ts';

const NO_GROUPS: ReadonlyMap<number, Group> = new Map();

/**
 * The log of one attempt. Opens at the lines that the address names, else at the cause of the failure, else at the end.
 * Give it a `key` of job and attempt.
 */
export function LogPanel({
  log,
  title,
  job,
  phases,
  startedAt,
  cause,
}: {
  log: LogOf;
  title: string;
  /** Name of the job, as addresses have it. */
  job: string;
  phases: readonly PhaseReport[];
  /** Start of the attempt, in milliseconds since the epoch. */
  startedAt: number;
  /** The line that looks like the cause of the failure. */
  cause: number | null;
}) {
  const shell = useShell();
  const address = useLogAddress(job, log.attempt);
  const { params, selection } = address;
  const { prefs, nextTimes, set: setPrefs } = useLogPrefs();
  const { store, outline } = useLog(log);
  const lines = store.shown;
  const search = useLogSearch(log, params, lines);
  const narrowed = search !== null && isNarrowed(params);
  const around = Number(params.only ?? 0);
  const [full, setFull] = useState(false);
  const [searching, setSearching] = useState(params.q !== undefined);
  const [asked, setAsked] = useState(0);
  const [goes, setGoes] = useState(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the outline grows in place
  const groups = useMemo(
    () => groupsOf(outline.sections, phases, log.finished),
    [outline, outline.lines, phases, log.finished],
  );
  const folds = useMemo(() => parseFolds(params.fold) ?? foldDone(prefs.foldDone), [params.fold, prefs.foldDone]);
  const setFolds = (next: Folds) => {
    if (next.done !== folds.done) setPrefs({ foldDone: next.done });
    address.patch({ fold: formatFolds(next) });
  };
  const isShut = (group: Group) => isFolded(folds, group);
  const rows = useMemo(() => {
    if (search && narrowed) return foundRows(search, around, lines);
    return Rows.without(
      lines,
      hiddenBy(groups, (group) => isFolded(folds, group)),
    );
  }, [search, search?.lines.length, narrowed, around, lines, groups, folds]);
  const starts = useMemo(() => new Map(groups.map((group) => [group.first, group])), [groups]);

  const startAtEnd = selection === null && cause === null;
  const viewport = useViewport(rows, { wrapped: prefs.wrap, startAtEnd });
  const { first, last, following, topLine } = viewport;
  const moves = useMoves({
    ...{ log, lines, rows, groups, folds, setFolds, outline, search, narrowed, address, viewport },
    isFolded: isShut,
  });
  const opening = useOpening({
    ...{ log, lines, groups, cause, topLine, show: moves.show, go: moves.go },
    outlined: outline.lines > 0,
    isHidden: (line) => !rows.has(line),
    selected: selection?.first ?? null,
    measured: viewport.viewHeight > 0,
    scroller: viewport.scroller.current,
  });

  const fold = (group: Group) => {
    viewport.hold(group.first);
    setFolds(withFold(folds, [group], !isShut(group)));
  };
  const closeSearch = () => {
    setSearching(false);
    address.patch({ q: undefined, only: undefined });
    viewport.scroller.current?.focus();
  };
  const commands = commandsOf({
    ...{ log, address, viewport, moves, groups, folds, setFolds, narrowed, prefs, nextTimes, full, setFull },
    complete: store.complete,
    isFolded: isShut,
    hits: search?.count ?? 0,
    hasIssues: outline.warnings + outline.errors > 0,
    firstError: cause ?? outline.marks.find(({ isError }) => isError)?.line ?? null,
    toggleWrap: () => {
      viewport.rest();
      setPrefs({ wrap: !prefs.wrap });
    },
    openSearch: () => {
      setSearching(true);
      setAsked((count) => count + 1);
    },
    openGoto: () => setGoes(true),
  });
  useLogKeys(commands, () => {
    if (searching) closeSearch();
    else if (full) setFull(false);
    else if (selection) address.select(null);
    else return false;
    return true;
  });

  const fresh = Math.max(0, store.total - lines) + useUnseen(following, lines);
  const said = useSaid(fresh);
  const gone = store.error instanceof ApiFailure && store.error.status === 410 ? store.error : null;
  const path = narrowed ? [] : groupsAt(groups, topLine).filter((group) => group.first < topLine);
  const state = store.complete ? 'finished' : following ? 'following' : 'paused';
  return (
    <section
      className={css.panel}
      aria-label={`Log of ${title}`}
      data-full={full || undefined}
      onWheel={opening.onMoved}
      onPointerDown={opening.onMoved}
      onKeyDown={opening.onMoved}
    >
      <LogToolbar
        {...{ title, log, outline, address, commands, state }}
        total={store.total}
        phases={phases.map(({ name }) => name)}
        onHelp={shell.openHelp}
      />
      {searching && (
        <SearchBar
          {...{ address, search, asked }}
          index={moves.hitIndex}
          onNext={() => void moves.nextHit()}
          onPrevious={moves.previousHit}
          onClose={closeSearch}
        />
      )}
      {narrowed && <FilterBar {...{ address, search }} phases={phases.map(({ name }) => name)} />}
      {narrowed && search.error && !searching && (
        <Problem title="The log could not be filtered" error={search.error} retry={() => void search.run()} />
      )}
      {store.error && !gone && (
        <Problem title="Some lines could not be loaded" error={store.error} retry={() => store.retry()} />
      )}
      <div className={css.view}>
        <div
          ref={viewport.scroller}
          className={css.scroller}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          tabIndex={0}
          data-testid="log"
          role="log"
          aria-live="off"
          aria-label={`Lines of ${title}`}
        >
          {gone ? (
            <LogGone failure={gone} />
          ) : rows.count === 0 ? (
            <p className={css.nothing}>{nothing(narrowed, search?.running ?? false, store.complete)}</p>
          ) : (
            <Lines
              {...{ store, rows, first, last, lines, prefs, startedAt, cause, selection, search, narrowed, around }}
              box={viewport.box}
              height={viewport.height}
              href={address.href}
              current={moves.hit}
              groups={narrowed ? NO_GROUPS : starts}
              isFolded={isShut}
              onSelect={address.select}
              onFold={fold}
            />
          )}
        </div>
        {!gone && path.length > 0 && (
          <Sticky
            path={path}
            onGo={(group) => moves.go(group.first, 0)}
            onFold={(group) => {
              viewport.toLine(group.first, 0);
              setFolds(withFold(folds, [group], true));
            }}
          />
        )}
        {!gone && rows.count > 0 && (
          <Ruler
            {...{ rows, outline }}
            groups={narrowed ? [] : groups}
            hits={narrowed ? [] : (search?.lines ?? [])}
            current={moves.hit}
            top={viewport.top}
            viewHeight={viewport.viewHeight}
            onGo={viewport.toPart}
          />
        )}
        {goes && (
          <GotoBox startedAt={startedAt} onLine={moves.go} onTime={moves.goTime} onClose={() => setGoes(false)} />
        )}
        <div className={css.floats}>
          {selection && !gone && (
            <SelectionBar selection={selection} commands={commands} onClear={() => address.select(null)} />
          )}
          {!following && !store.complete && !gone && (
            <button type="button" className={css.jump} onClick={viewport.toEnd}>
              {fresh > 0 ? `${formatCount(fresh)} new ${fresh === 1 ? 'line' : 'lines'}` : 'Paused'} · Jump to the end
            </button>
          )}
        </div>
      </div>
      <span className="visually-hidden" role="status">
        {said}
      </span>
    </section>
  );
}

/** Why no line is shown. */
function nothing(narrowed: boolean, running: boolean, complete: boolean): string {
  if (narrowed) return running ? 'Looking for lines…' : 'No line matches.';
  return complete ? 'This attempt printed nothing.' : 'Nothing was printed yet. Lines appear here as they come.';
}

/** Lines that came since the view left the end. */
function useUnseen(following: boolean, shown: number): number {
  const seen = useRef(shown);
  if (following) seen.current = shown;
  return Math.max(0, shown - seen.current);
}

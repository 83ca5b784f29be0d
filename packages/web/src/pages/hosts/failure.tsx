import { exitWords } from '@kiln/protocol/host-states.ts';
import type { UnitFailure } from '@kiln/protocol/hosts.ts';
import { Ago } from '../../parts/time.tsx';

/** How a process ended, in words: `exit 7`, `SIGKILL`, `out of memory`, `timeout`. */
export function howItEnded({ exitKind, exitStatus, result }: Omit<UnitFailure, 'at'>): string {
  if (result === 'oom-kill') return 'out of memory';
  const exit = exitKind === 'none' ? '' : exitWords(exitKind, exitStatus);
  const isPlain = result === null || ['success', 'exit-code', 'signal', 'core-dump', 'other'].includes(result);
  return isPlain ? exit : [result, exit].filter(Boolean).join(', ');
}

/** How and when a unit failed last. */
export function LastFailure({ failure }: { failure: UnitFailure | null }) {
  if (failure === null) return <span className="dim">none seen</span>;
  const how = howItEnded(failure);
  return (
    <>
      {how || 'exit not seen'}
      {failure.at && (
        <span className="dim">
          {' '}
          <Ago at={failure.at} />
        </span>
      )}
    </>
  );
}

import { formatProblem, type Problem } from '@kiln/service/problem.ts';
import { count, paint, printJson } from './words.ts';

/**
 * Prints the outcome of a check: every problem on a line of its own, then a summary; or JSON `{ok, problems, …more}`.
 * Sets exit code 1 when there are problems.
 */
export function printCheck(
  problems: readonly Problem[],
  options: { json?: boolean; fine: string; more?: Record<string, unknown> },
): void {
  const ok = problems.length === 0;
  if (!ok) process.exitCode = 1;
  if (options.json) {
    printJson({ ok, ...options.more, problems });
    return;
  }
  for (const problem of problems) process.stdout.write(`${formatProblem(problem)}\n`);
  process.stdout.write(
    ok ? `${paint('green', '✓')} ${options.fine}\n` : `${paint('red', '✗')} ${count(problems.length, 'problem')}\n`,
  );
}

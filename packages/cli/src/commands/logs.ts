import type { Command } from 'commander';
import { attemptOf, contextOf, levelOf, momentOf, tailOf } from '../logs/request.ts';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const MORE = `
Without -f it prints what is written so far, and ends. Into a pipe or a file that is the whole log; on a terminal, of a
log of more than 1000 lines the last 1000 (--tail all: everything). With -f it goes on until the job, or the run, ends;
a lost connection is made again, and no line is missing or comes twice. Ctrl-C ends the reading, not the build.
Of several jobs each line begins with the name of its job.

--grep takes a JavaScript regular expression and searches on the server, so that only what is found comes over the wire.

Exit code: 0 when it was read, 1 when it could not be or nothing matched --grep, 2 for wrong usage.

Examples:
  kiln logs hello                              the newest run of a recipe
  kiln logs 3f2a9c10 -f --tail 20              the last lines, and what follows
  kiln logs 3f2a9c10 --level warn              warnings and worse
  kiln logs 3f2a9c10 --grep 'error|fatal' -C 3 with the lines around
  kiln logs 3f2a9c10 --job test --attempt 1 --since 10m
  kiln logs 3f2a9c10 > build.log
  kiln logs 3f2a9c10 --json | jq -r 'select(.level == "ERROR") | .text'`;

interface LogsOptions extends FarmOptions {
  follow?: boolean;
  attempt?: number;
  job?: string;
  grep?: string;
  ignoreCase?: boolean;
  context?: number;
  level?: string;
  phase?: string;
  component?: string;
  since?: string;
  until?: string;
  tail?: number | 'all';
  json?: boolean;
  raw?: boolean;
  color: boolean;
}

/** `kiln logs`: reads, searches and follows the logs of builds. */
export function register(program: Command): void {
  withFarmOptions(program.command('logs'))
    .description('Prints the log of a run, of one of its jobs, or of a job.')
    .argument('<run|job>', 'id of a run (four characters are enough) or of a job, or a recipe for its newest run')
    .option('-f, --follow', 'go on with what is written until it ends')
    .option('--attempt <n>', 'this attempt (default: the latest)', attemptOf)
    .option('--job <name>', 'only this job of the run')
    .option('--grep <expression>', 'only lines in which this is found')
    .option('-i, --ignore-case', 'let --grep ignore case')
    .option('-C, --context <n>', 'with --grep: so many lines before and after, up to 20', contextOf)
    .option('--level <level>', 'this level and worse: debug, info, warn, error or fatal', levelOf)
    .option('--phase <name>', 'only this phase')
    .option('--component <names>', 'only these, such as output (of commands) or kiln (what Kiln says)')
    .option('--since <time>', 'not before: 10m (ago), or 2026-05-07T14:32:11Z', momentOf)
    .option('--until <time>', 'not after', momentOf)
    .option('--tail <n>', 'only the last lines; all for everything', tailOf)
    .option('--json', 'one JSON object a line: line, time, level, component, phase, step, text')
    .option('--raw', 'print text as the build did, also what a terminal obeys')
    .option('--no-color', 'without colours')
    .addHelpText('after', MORE)
    .action(async (given: string, options: LogsOptions) => {
      const { serviceLogHint } = await import('../logs/service-logs.ts');
      const { CliError } = await import('../errors.ts');
      const hint = serviceLogHint(given);
      if (hint !== null) throw new CliError(hint, 2);
      const { grep, tail, context = 0 } = options;
      if (grep === undefined && (context > 0 || options.ignoreCase)) {
        throw new CliError('-C and -i belong to --grep <expression>', 2);
      }
      if (grep !== undefined && (tail !== undefined || grep === '')) {
        throw new CliError(grep === '' ? '--grep needs an expression' : '--grep and --tail exclude each other', 2);
      }
      if (options.follow && context > 0) throw new CliError('-C and -f exclude each other', 2);
      const { readLogs } = await import('../logs/read-logs.ts');
      const request = {
        follow: options.follow === true,
        attempt: options.attempt ?? null,
        job: options.job ?? null,
        grep:
          grep === undefined
            ? null
            : { source: grep, ignoreCase: options.ignoreCase === true, context: options.json ? 0 : context },
        level: options.level ?? null,
        phase: options.phase ?? null,
        component: options.component ?? null,
        since: options.since ?? null,
        until: options.until ?? null,
        tail: tail === undefined || tail === 'all' ? null : tail,
        tailGiven: tail !== undefined,
      };
      const output = { json: options.json === true, raw: options.raw === true, color: options.color };
      process.exitCode = await readLogs(given, options, request, output);
    });
}

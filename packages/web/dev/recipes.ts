import type { RecipeDetail } from '@kiln/protocol/api.ts';
import { type FarmData, HOUR, iso, MINUTE } from './data.ts';
import { phasesAt } from './phases.ts';
import { idOf } from './words.ts';

/** A recipe of the fixture with what its upstream last showed and how its runs went. */
export function recipeOf(
  data: FarmData,
  name: string,
  description: string,
  upstream: string | null,
  position: number,
): RecipeDetail {
  const runs = data.runs.filter((run) => run.recipe === name);
  const now = Date.now();
  const failing = runs.find((run) => run.status === 'failed' && run.retryAt !== null);
  const broken = name === 'zlib';
  return {
    name,
    description,
    position,
    upstream,
    tags: upstream ? 'v(?<version>\\d+\\.\\d+\\.\\d+)' : null,
    triggers: upstream
      ? ['tag', 'manual']
      : name === 'docs-site'
        ? ['schedule 15 3 * * *', 'manual']
        : ['push main', 'manual'],
    lastPollAt: upstream ? iso(now - 6 * MINUTE) : null,
    nextPollAt: upstream ? iso(now + 9 * MINUTE) : null,
    lastPoll: upstream
      ? {
          tagsSeen: broken ? 0 : 214,
          matches: broken ? 0 : 187,
          emitted: 0,
          passedOver: 12,
          error: broken
            ? 'fatal: unable to access https://github.com/madler/zlib.git: Could not resolve host: github.com'
            : null,
          durationMs: 840,
        }
      : null,
    newestVersion: upstream ? (runs[0]?.version ?? null) : null,
    publishedVersion: data.packages.find((made) => made.recipe === name)?.version ?? null,
    lastRun: runs[0] ?? null,
    backoff: failing ? [{ version: failing.version, failures: 3, nextRetry: failing.retryAt }] : [],
    compiled: compiledOf(name),
    tagList: upstream
      ? Array.from({ length: 34 }, (_, n) => ({
          tag: `v1.${34 - n}.0`,
          version: `1.${34 - n}.0`,
          commit: idOf(n + 400)
            .replaceAll('-', '')
            .padEnd(40, 'c'),
          firstSeenAt: iso(now - n * 26 * HOUR),
          state: n === 0 ? 'waiting' : n < 6 ? 'built' : 'passed over on first sight',
          movedTo:
            n === 4
              ? idOf(n + 900)
                  .replaceAll('-', '')
                  .padEnd(40, 'd')
              : null,
        }))
      : [],
    runs: runs.slice(0, 30),
  };
}

function compiledOf(name: string): unknown {
  const step = (run: string) => ({
    name: run,
    run,
    shell: 'sh',
    workingDirectory: null,
    environment: {},
    timeoutMs: null,
    continueOnError: false,
    always: false,
  });
  const phases = phasesAt(0, 0, 0, 'queued').map(({ name: phase, weight, steps }) => ({
    name: phase,
    weight,
    steps: steps.map((each) => step(each.name)),
  }));
  const job = (jobName: string, needs: string[]) => ({
    name: jobName,
    needs,
    labels: ['kiln:os:linux'],
    environment: {},
    secrets: [],
    checkout: true,
    timeoutMs: HOUR,
    phases,
    artifacts: ['out/*'],
    logLimitBytes: 1e10,
  });
  return {
    name,
    description: '',
    upstream: null,
    triggers: ['manual'],
    priority: 0,
    concurrency: null,
    retries: { max: null, backoffSeconds: [60, 300, 900, 3600, 21_600, 86_400] },
    jobs:
      name === 'openssl'
        ? [job('build (amd64)', []), job('build (arm64)', []), job('test', ['build (amd64)'])]
        : [job('build', [])],
    publish: name === 'docs-site' ? null : { repository: 'main', package: name, files: ['*'], keep: 1 },
  };
}
